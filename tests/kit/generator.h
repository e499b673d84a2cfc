// Makes typed operations out of draws, over a universe of strings small enough that they meet:
// the empty string, NUL bytes, bytes that are not UTF-8, shared prefixes, a few of several KiB,
// and now and then a string never seen before.
//
// Threads: one at a time.
#ifndef STRATA_TESTS_KIT_GENERATOR_H_
#define STRATA_TESTS_KIT_GENERATOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/kit/draws.h"
#include "tests/kit/operation.h"

namespace strata::kit {

struct GeneratorOptions {
  std::size_t outers = 5;           ///< different outers
  std::size_t inners = 7;           ///< different inners
  std::size_t largest_list = 6;     ///< most records in a list that is put
  std::size_t largest_record = 40;  ///< most pairs in a record; most records have far fewer
  bool reads = true;                ///< whether it makes operations that only read
  bool grows = false;               ///< no Clear and no phases of deleting: the map gets large
};

class OperationGenerator {
 public:
  /// Views `draws`, which must outlive it.
  explicit OperationGenerator(Draws* draws, const GeneratorOptions& options = {});
  Operation Next();

 private:
  // Left to chance alone, no outer would lose its last entry in a thousand operations: so the
  // sequence goes through phases that each last a while.
  enum class Phase { kMixed, kShrinking, kNarrow, kNarrowShrinking };

  Operation::Kind AnyKind();
  bool Wanted(Operation::Kind kind) const;
  std::string AnyString();
  std::string FreshString();
  std::string Key();
  OwnedRecord AnyRecord();

  Draws* draws_;
  GeneratorOptions options_;
  std::vector<std::string> universe_;
  std::size_t made_ = 0;
  Phase phase_ = Phase::kMixed;
};

/// The first `length` operations of that seed.
std::vector<Operation> OperationsOfSeed(std::uint64_t seed, std::size_t length,
                                        const GeneratorOptions& options = {});
/// The operations that a fuzzer's bytes stand for, at most `most`.
std::vector<Operation> OperationsOfBytes(std::span<const std::uint8_t> bytes, std::size_t most,
                                         const GeneratorOptions& options = {});

}  // namespace strata::kit

#endif  // STRATA_TESTS_KIT_GENERATOR_H_
