// Readers beside a writer, without locks: who reads since when, and what may be freed.
//
//     era   one counter; the writer moves it on before it frees anything
//     slot  │ lower │ upper │ …   a reader's cache line: the era its guard began in (0: free) and
//                                 the last one it read in
//
// What is out of readers' reach was born in one era and retired in a later one. A guard may still
// look at it if lower <= retired and born <= upper, and then it is kept. (Interval-based
// reclamation: Wen, Izraelevitz, Cai, Beadle, Scott, PPoPP 2018.)
//
// A read is an operation in one era (ReadWhole): after every pointer it loads it asks whether the
// era still holds, and begins again, upper moved on, where it does not. So everything an operation
// meets was reachable in the era its pin shows, and the writer, which moves the era on first and
// looks at the slots then, keeps it.
//
// Threads: Enter, Leave and reading from any thread, each pin by the one that entered; the rest is
// the writer's, or from under its lock.
#ifndef STRATA_CACHE_PACKED_ERAS_H_
#define STRATA_CACHE_PACKED_ERAS_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <strata/cache.h>
#include <strata/footprint.h>
#include <strata/memory_door.h>

#include "absl/base/attributes.h"

#include "cache/packed/layers.h"

namespace strata::packed {

using Era = std::uint64_t;

/// One reader's line; two lines, so that the prefetcher does not make neighbours of two readers.
struct alignas(128) ReaderSlot {
  std::atomic<Era> lower;  // 0: nobody's
  std::atomic<Era> upper;  // may lag behind lower: the larger of the two counts
  std::atomic<std::int64_t> since_ns;
  std::atomic<std::uint64_t> gets;
  std::atomic<std::uint64_t> hits;
};
static_assert(sizeof(ReaderSlot) == 128);

/// Begins an operation, or begins it again.
inline void BeginRead(ReadPin& pin) {
  pin.moved = false;
  for (Era now = pin.era->load(); now != pin.upper; now = pin.era->load()) {
    pin.upper = now;
    if (pin.slot != nullptr) pin.slot->upper.exchange(now);
  }
}

/// Asked after a pointer was loaded and before it is followed: whether it may be.
inline bool Holds(ReadPin& pin) {
  if (pin.era->load() == pin.upper) return true;
  pin.moved = true;
  return false;
}

/// Runs an operation until it was in one era from its beginning to its end. Inline always: a call
/// would pass what the operation captures through memory, which costs more than most operations.
template <class Operation>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline auto ReadWhole(ReadPin& pin, const Operation& operation) {
  while (true) {
    BeginRead(pin);
    const auto result = operation();
    if (!pin.moved) return result;
  }
}

/// The pin of whoever holds the writers' lock: nothing is freed behind its back.
ReadPin WriterPin();

class Eras {
 public:
  /// Guards beyond so many at a time share what they pin.
  static constexpr std::size_t kSlots = 128;

  explicit Eras(MemoryDoor* door);
  Eras(const Eras&) = delete;
  Eras& operator=(const Eras&) = delete;
  ~Eras();
  bool ok() const { return slots_ != nullptr; }

  // Readers'.
  void Enter(ReadPin* pin) const;
  void Leave(ReadPin* pin) const;

  // The writer's.
  Era now() const { return era_.load(std::memory_order_relaxed); }
  /// What guards were open at one moment.
  class Guards {
   public:
    /// Whether one of them may look at what lived so long.
    bool Pin(Era born, Era retired) const { return AnyFrom(0, born, retired); }
    /// Whether the one that began first may.
    bool FirstPins(Era born, Era retired) const {
      return count_ > 0 && intervals_[0].Pins(born, retired);
    }
    /// Whether one of the others may.
    bool OthersPin(Era born, Era retired) const { return AnyFrom(1, born, retired); }
    bool any() const { return count_ > 0; }

   private:
    friend class Eras;
    struct Interval {
      Era lower;
      Era upper;
      bool Pins(Era born, Era retired) const { return lower <= retired && born <= upper; }
    };
    bool AnyFrom(std::size_t first, Era born, Era retired) const {
      for (std::size_t i = first; i < count_; ++i) {
        if (intervals_[i].Pins(born, retired)) return true;
      }
      return false;
    }
    std::array<Interval, kSlots + 2> intervals_{};  // the first is the one that began first
    std::size_t count_ = 0;
  };
  /// Those of now, for reports. What may be freed Advance tells: it moves the era on first.
  Guards Look() const;
  /// Moves the era on and takes down which guards are open.
  void Advance();
  /// Whether one of the guards that Advance found may look at what lived so long.
  bool Pinned(Era born, Era retired) const { return guards_.Pin(born, retired); }
  /// Whether the one that began first may; whether another may.
  bool FirstPins(Era born, Era retired) const { return guards_.FirstPins(born, retired); }
  bool OthersPin(Era born, Era retired) const { return guards_.OthersPin(born, retired); }
  bool AnyGuard() const { return guards_.any(); }

  // From under the writers' lock.
  struct Readers {
    std::uint64_t open_guards = 0;
    double oldest_seconds = 0;  // since the oldest of them was opened
    std::uint64_t gets = 0;     // since the beginning, by guards that have ended
    std::uint64_t hits = 0;
  };
  Readers CountReaders() const;
  void AddTo(Layer* layer) const;

 private:
  // Guards that found no slot: an era over the number of those that share it.
  struct Crowd {
    std::atomic<std::uint64_t> word{0};
    std::atomic<std::int64_t> since_ns{0};
  };
  static constexpr unsigned kCrowdBits = 24;
  static constexpr std::uint64_t kCrowdMask = (std::uint64_t{1} << kCrowdBits) - 1;

  ReaderSlot* ClaimSlot(ReadPin* pin) const;
  void JoinCrowd(ReadPin* pin) const;

  MemoryDoor* door_;
  std::atomic<Era> era_{1};
  void* block_ = nullptr;  // what slots_ lies in
  ReaderSlot* slots_ = nullptr;
  mutable std::atomic<std::size_t> slots_used_{0};  // no slot at or above it was ever claimed
  // Two, so that newcomers join one while the other empties.
  mutable std::array<Crowd, 2> crowds_;
  std::atomic<std::size_t> crowd_{0};
  mutable std::atomic<std::uint64_t> crowd_gets_{0};
  mutable std::atomic<std::uint64_t> crowd_hits_{0};
  Guards guards_;  // that Advance found
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_ERAS_H_
