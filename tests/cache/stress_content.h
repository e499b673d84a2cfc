// Content that proves itself, for readers beside a writer: what a key holds follows from the key's
// number and a version alone, so whoever reads it can tell whether it saw one version whole, and
// which.
//
// A version is a generation and a step in it. Step 0 puts a fresh list; each further step changes
// one record, by an action that a hash of (key, generation, step) chooses; some generations end
// with the entry's deletion. Generation 0 is the absence before the first Put. Each record names
// (key, generation, step that wrote it, ordinal in that step) in its first pair, and its other
// pairs follow from that.
//
// Threads: Keys() is made once and then only read; the rest are plain values.
#ifndef STRATA_TESTS_CACHE_STRESS_CONTENT_H_
#define STRATA_TESTS_CACHE_STRESS_CONTENT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <strata/cache.h>

namespace strata::stress {

using Version = std::uint64_t;  // generation * kSteps + step
inline constexpr Version kSteps = 8;

inline constexpr std::size_t kOuters = 12;
/// Keys of one outer have lists of one kind: few and short; enough of them to fill an outer's own
/// blob; more than fit it; few with hundreds of records.
enum class Kind { kFew, kFull, kMany, kLong };

/// One (outer, inner).
struct Key {
  std::size_t outer = 0;
  std::string inner;
};

/// All keys, those of one outer next to each other.
const std::vector<Key>& Keys();
std::string OuterName(std::size_t outer);
Kind KindOf(std::size_t outer);
/// The outer of that name; kOuters where there is none.
std::size_t OuterNamed(std::string_view name);
/// The key of those names; Keys().size() where there is none.
std::size_t KeyNamed(std::string_view outer, std::string_view inner);

/// Which record of its generation one is.
struct Stamp {
  std::uint64_t step = 0;
  std::uint64_t ordinal = 0;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

using OwnedRecord = std::vector<std::pair<std::string, std::string>>;
OwnedRecord RecordOf(std::size_t key, std::uint64_t generation, const Stamp& stamp);

/// What leads from one version to the next.
struct Action {
  enum class Kind { kPut, kAppend, kUpdate, kInsert, kRemove, kDelete };
  Kind kind = Kind::kPut;
  std::size_t index = 0;  ///< of the record that is updated, removed or inserted before
};

/// What a key holds as of one version.
class State {
 public:
  State(std::size_t key, Version version);

  Version version() const { return generation_ * kSteps + step_; }
  std::uint64_t generation() const { return generation_; }
  bool present() const { return present_; }
  /// Its records in order; none where it is absent.
  const std::vector<Stamp>& stamps() const { return stamps_; }
  /// Goes on to the next version; what that took.
  Action Advance();

 private:
  Action Step();

  std::size_t key_;
  std::uint64_t generation_ = 0;
  std::uint64_t step_ = 0;
  bool present_ = false;
  std::vector<Stamp> stamps_;
};

/// What was read under a key.
struct Observation {
  bool present = false;
  std::uint64_t generation = 0;  ///< where there are records
  std::vector<Stamp> stamps;
  std::string fault;  ///< what no version can hold: bytes that are wrong, two generations at once
};

/// Reads the whole entry and checks every byte of it.
Observation Observe(std::size_t key, const EntryReader& entry);
/// As much of an observation as the first pair of one record gives.
Observation ObserveId(std::size_t key, std::string_view id);

/// The first version in [from, to] of which `holds` is true; it is asked about those of
/// `generation` alone where one is given.
template <class Holds>
std::optional<Version> FirstVersion(std::size_t key, Version from, Version to,
                                    std::optional<std::uint64_t> generation, Holds holds) {
  if (generation.has_value()) {
    if (*generation * kSteps > from) from = *generation * kSteps;
    if (to >= (*generation + 1) * kSteps) to = (*generation + 1) * kSteps - 1;
  }
  if (from > to) return std::nullopt;
  for (State state(key, from); state.version() <= to; state.Advance()) {
    if (holds(state)) return state.version();
  }
  return std::nullopt;
}

/// The first version in [from, to] that is what was observed.
std::optional<Version> FirstVersion(std::size_t key, Version from, Version to,
                                    const Observation& seen);

}  // namespace strata::stress

#endif  // STRATA_TESTS_CACHE_STRESS_CONTENT_H_
