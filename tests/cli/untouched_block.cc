// A library that takes a large block when it is loaded and never touches it, as some do: preloaded
// by books_test.py. Where there are huge pages the block is resident all the same.
//
// Threads: none.
#include <cstdlib>

namespace {

[[maybe_unused]] void* volatile block = std::calloc(1, 3 << 20);

}  // namespace
