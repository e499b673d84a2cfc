// Runs operations on a layout and on the model side by side, and makes a failing sequence small.
//
// Threads: one at a time.
#ifndef STRATA_TESTS_KIT_RUN_SEQUENCE_H_
#define STRATA_TESTS_KIT_RUN_SEQUENCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/baselines/layout.h"
#include "tests/kit/generator.h"
#include "tests/kit/model.h"
#include "tests/kit/operation.h"

namespace strata::kit {

using LayoutFactory = std::function<std::unique_ptr<Layout>()>;

/// What is checked beside each operation's own result and the counts.
struct Checks {
  bool law_each_step = true;       ///< the footprint law after every step, else at the end
  std::size_t compare_every = 64;  ///< steps between two comparisons of the whole content
};

/// What went wrong, and at which operation; that number is the sequence's length where it is
/// something at the end.
struct Failure {
  std::size_t step = 0;
  std::string what;
};

/// Applies `operations` in order to `layout`, which must be new, and to a model. After every step
/// it compares result, status code, counts, the entry that was touched and, as `checks` say, law
/// and content; at the end both, and that Clear leaves no more memory than a new layout has.
std::optional<Failure> RunSequence(Layout& layout, std::span<const Operation> operations,
                                   const Checks& checks = {});

/// The smallest sequence it can find that fails too: leaves out operations until each one that
/// is left is needed, then makes records, indexes and strings smaller. Takes at most `most_steps`
/// steps in all. A sequence that does not fail comes back as it is.
std::vector<Operation> Shrink(const LayoutFactory& make, std::vector<Operation> operations,
                              const Checks& checks = {}, std::size_t most_steps = 2'000'000);

/// The sequence and what it does wrong, for a person to read.
std::string Report(std::string_view layout, std::span<const Operation> operations,
                   const Failure& failure);

/// Runs the sequence of that seed; what is wrong with it, shrunk, with the seed, or nothing.
std::optional<std::string> CheckSeed(const LayoutFactory& make, std::uint64_t seed,
                                     std::size_t length, const GeneratorOptions& options = {},
                                     const Checks& checks = {});

/// Runs every sequence of 1 … `length` operations out of `alphabet`, each checked whole after its
/// last step (its beginnings are sequences of their own). The first failure as a report.
std::optional<std::string> CheckAllSequences(const LayoutFactory& make,
                                             std::span<const Operation> alphabet,
                                             std::size_t length);

}  // namespace strata::kit

#endif  // STRATA_TESTS_KIT_RUN_SEQUENCE_H_
