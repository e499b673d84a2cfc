// A heap whose n-th allocation fails. new, in every form and in every library, is replaced; malloc,
// calloc and realloc are wrapped by the linker for what is linked statically, which is all of ours:
// a test links strata_failing_heap, and is then alone with it in its program.
//
// Threads: one.
#ifndef STRATA_TESTS_KIT_FAILING_HEAP_H_
#define STRATA_TESTS_KIT_FAILING_HEAP_H_

namespace strata {

/// From here on the n-th allocation fails, n >= 1; those after it do not.
void ArmHeap(long n);
/// Ends that; whether the n-th was never asked for.
bool DisarmHeap();

/// Suspends the failing, for what is not under test.
class UnarmedHeap {
 public:
  UnarmedHeap();
  UnarmedHeap(const UnarmedHeap&) = delete;
  UnarmedHeap& operator=(const UnarmedHeap&) = delete;
  ~UnarmedHeap();

 private:
  bool was_armed_;
};

/// Counts an allocation; whether it is the one that fails.
bool HeapFails();

}  // namespace strata

#endif  // STRATA_TESTS_KIT_FAILING_HEAP_H_
