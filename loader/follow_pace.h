// Whose chunk of reconciling is next, and how long the server rests after it.
//
// A chunk that took t is followed by a rest of t · (1/share − 1), so that of any time in which
// chunks and rests alternate the chunks take `share`. A pass that would not be done within its
// interval so rests less: what is left of the interval is divided among the chunks that are left.
//
// Threads: pure functions.
#ifndef STRATA_LOADER_FOLLOW_PACE_H_
#define STRATA_LOADER_FOLLOW_PACE_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>

namespace strata {

/// Of the sources, pointers in a range, that are due the one whose last whole pass, pass_done(), is
/// the oldest, the first of several; null where none is. The first that is due would have every
/// chunk as soon as its passes take as long as their interval.
template <class Sources, class IsDue>
auto* FurthestBehind(const Sources& sources, IsDue is_due) {
  decltype(&**std::begin(sources)) furthest = nullptr;
  for (const auto& source : sources) {
    if (!is_due(*source)) continue;
    if (furthest == nullptr || source->pass_done() < furthest->pass_done()) furthest = &*source;
  }
  return furthest;
}

/// Whose chunk is next: the furthest behind, but one whose last chunk failed gives way
/// (gives_way()) to the others until a pass of theirs is done: an error that stays keeps nobody
/// else from its passes.
template <class Sources, class IsDue>
auto* NextForChunk(const Sources& sources, IsDue is_due) {
  auto* const next = FurthestBehind(
      sources, [&](const auto& source) { return is_due(source) && !source.gives_way(); });
  if (next != nullptr) return next;
  for (const auto& source : sources) source->SetGivesWay(false);
  return FurthestBehind(sources, is_due);
}

/// `share` is above 0 and at most 1; `left` is until the pass is to be done, below 0 where that is
/// past, nothing where it may take as long as it likes; `chunks_left` does not count this one.
inline std::chrono::steady_clock::duration RestAfterChunk(
    std::chrono::steady_clock::duration took, double share,
    std::optional<std::chrono::steady_clock::duration> left, std::size_t chunks_left) {
  using Duration = std::chrono::steady_clock::duration;
  const auto rest = std::chrono::duration_cast<Duration>(took * (1 / share - 1));
  if (!left) return rest;
  const auto chunks = static_cast<Duration::rep>(chunks_left + 1);
  return std::min(rest, std::max(*left / chunks - took, Duration::zero()));
}

}  // namespace strata

#endif  // STRATA_LOADER_FOLLOW_PACE_H_
