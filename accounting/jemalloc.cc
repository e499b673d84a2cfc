#include "accounting/jemalloc.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>

// Where a jemalloc is linked in statically only the linker knows of it.
extern "C" int mallctl(const char* name, void* old_value, std::size_t* old_bytes, void* new_value,
                       std::size_t new_bytes) __attribute__((weak));

namespace strata::jemalloc {
namespace {

using Control = int (*)(const char*, void*, std::size_t*, void*, std::size_t);

Control FindControl() {
  if (mallctl != nullptr) return &mallctl;
  return reinterpret_cast<Control>(dlsym(RTLD_DEFAULT, "mallctl"));
}

Control TheControl() {
  static const Control control = FindControl();
  return control;
}

// A jemalloc that is there beside another malloc does not count what that one hands out.
bool CountsOurBlocks(Control control) {
  std::uint64_t* allocated = nullptr;  // by this thread, up to now
  std::size_t size_bytes = sizeof(allocated);
  if (control("thread.allocatedp", &allocated, &size_bytes, nullptr, 0) != 0) return false;
  const std::uint64_t before = *allocated;
  // Volatile, so that the compiler does not leave the pair out.
  void* volatile block = std::malloc(64);
  std::free(block);
  return *const_cast<volatile std::uint64_t*>(allocated) > before;
}

}  // namespace

bool IsTheAllocator() {
  static const bool is = TheControl() != nullptr && CountsOurBlocks(TheControl());
  return is;
}

std::string Version() {
  const char* version = nullptr;
  std::size_t size_bytes = sizeof(version);
  if (!IsTheAllocator() || TheControl()("version", &version, &size_bytes, nullptr, 0) != 0) {
    return "";
  }
  return version;
}

void Refresh() {
  if (!IsTheAllocator()) return;
  std::uint64_t epoch = 1;
  TheControl()("epoch", nullptr, nullptr, &epoch, sizeof(epoch));
}

std::optional<std::uint64_t> Read(const char* name) {
  if (!IsTheAllocator()) return std::nullopt;
  std::uint64_t value = 0;
  // The call says how large the figure is, and where it has another size it fails.
  for (const std::size_t size : {sizeof(std::uint64_t), sizeof(std::uint32_t), sizeof(bool)}) {
    std::size_t size_bytes = size;
    value = 0;
    if (TheControl()(name, &value, &size_bytes, nullptr, 0) == 0) return value;
  }
  return std::nullopt;
}

std::uint64_t Figure(const std::string& name) { return Read(name.c_str()).value_or(0); }

std::string OfAllArenas(std::string_view figure) {
  return std::string("stats.arenas.4096.").append(figure);  // MALLCTL_ARENAS_ALL
}

bool Do(const char* name) {
  return IsTheAllocator() && TheControl()(name, nullptr, nullptr, nullptr, 0) == 0;
}

bool Ask(const char* name, void* question, std::size_t question_bytes, void* answer,
         std::size_t answer_bytes) {
  std::size_t size_bytes = answer_bytes;
  return IsTheAllocator() &&
         TheControl()(name, answer, &size_bytes, question, question_bytes) == 0 &&
         size_bytes == answer_bytes;
}

std::uintptr_t AddressFrom(unsigned arena, std::size_t size_bytes) {
  using Allocate = void* (*)(std::size_t, int);
  using Free = void (*)(void*, int);
  static const auto allocate = reinterpret_cast<Allocate>(dlsym(RTLD_DEFAULT, "mallocx"));
  static const auto free = reinterpret_cast<Free>(dlsym(RTLD_DEFAULT, "dallocx"));
  if (!IsTheAllocator() || allocate == nullptr || free == nullptr) return 0;
  // MALLOCX_ARENA(arena) | MALLOCX_TCACHE_NONE
  const int flags = static_cast<int>(((arena + 1) << 20) | (1u << 8));
  void* const block = allocate(size_bytes, flags);
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  if (block != nullptr) free(block, flags);
  return address;
}

}  // namespace strata::jemalloc
