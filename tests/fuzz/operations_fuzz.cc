// Fuzzes the layouts: the input's bytes are the choices of the test kit's generator of operations
// (tests/kit/draws.h), and each layout must answer as the std::map model does and keep the
// footprint law after every step. What fails is shrunk, printed as C++ and ends the process.
//
// Inputs need no form: bytes that run out end the sequence. The corpus is made by
// tests/kit/operations_of_seed.cc; corpus/operations.md says how.
//
// Threads: one.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bench/baselines/layout.h"
#include "tests/kit/generator.h"
#include "tests/kit/run_sequence.h"

namespace {

using strata::kit::Failure;
using strata::kit::Operation;

// Longer inputs would only be slow: what needs more operations is for the model tests.
constexpr std::size_t kMostOperations = 500;

void Check(std::string_view name, std::span<const Operation> operations) {
  std::optional<Failure> failure = strata::kit::RunSequence(*strata::MakeLayout(name), operations);
  if (!failure) return;
  const strata::kit::LayoutFactory make = [name] { return strata::MakeLayout(name); };
  const std::vector<Operation> shrunk =
      strata::kit::Shrink(make, {operations.begin(), operations.end()});
  if (std::optional<Failure> again = strata::kit::RunSequence(*make(), shrunk)) failure = again;
  std::fprintf(stderr, "%s\n", strata::kit::Report(name, shrunk, *failure).c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  const std::vector<Operation> operations =
      strata::kit::OperationsOfBytes({data, size_bytes}, kMostOperations);
  // The engine first; then what it is compared with.
  Check("interned", operations);
  for (const std::string_view name : strata::LayoutNames()) {
    if (name != "interned") Check(name, operations);
  }
  return 0;
}
