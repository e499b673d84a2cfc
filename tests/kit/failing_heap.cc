#include "tests/kit/failing_heap.h"

#include <cstdlib>
#include <new>

namespace strata {
namespace {

// Counts down while armed; the allocation that makes it 0 fails, the next ones do not.
bool armed = false;
long countdown = 0;

}  // namespace

void ArmHeap(long n) {
  countdown = n;
  armed = true;
}

bool DisarmHeap() {
  armed = false;
  return countdown > 0;
}

UnarmedHeap::UnarmedHeap() : was_armed_(armed) { armed = false; }
UnarmedHeap::~UnarmedHeap() { armed = was_armed_; }

bool HeapFails() { return armed && --countdown == 0; }

}  // namespace strata

extern "C" {
void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* block, std::size_t size);

void* __wrap_malloc(std::size_t size) {
  return strata::HeapFails() ? nullptr : __real_malloc(size);
}
void* __wrap_calloc(std::size_t count, std::size_t size) {
  return strata::HeapFails() ? nullptr : __real_calloc(count, size);
}
void* __wrap_realloc(void* block, std::size_t size) {
  return strata::HeapFails() ? nullptr : __real_realloc(block, size);
}
}

[[gnu::noinline]] void* operator new(std::size_t size) {
  void* block = strata::HeapFails() ? nullptr : __real_malloc(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
[[gnu::noinline]] void* operator new[](std::size_t size) { return operator new(size); }
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return strata::HeapFails() ? nullptr : __real_malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  return operator new(size, tag);
}
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete[](void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, const std::nothrow_t&) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete[](void* block, const std::nothrow_t&) noexcept {
  std::free(block);
}
