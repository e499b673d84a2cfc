// A footprint: the bytes of one layout, split into leaf layers.
//
// Invariant (the ledger law): total_bytes, found by walking the structure, equals allocated_bytes,
// the running sum of the door to memory (<strata/memory_door.h>), after every operation. In each
// layer used + slack + dead = total.
//
// Threads: plain values; not shared.
#ifndef STRATA_FOOTPRINT_H_
#define STRATA_FOOTPRINT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <strata/memory_door.h>

namespace strata {

/// One leaf layer. Its name is a path, "strings/bytes"; all sizes are in bytes.
struct Layer {
  std::string name;
  std::uint64_t count = 0;        ///< live items: nodes, strings, tables, as the layer's name says
  std::uint64_t used_bytes = 0;   ///< bytes that hold content or the structure of live items
  std::uint64_t slack_bytes = 0;  ///< reserved and unused: spare capacity, size-class rounding
  std::uint64_t dead_bytes = 0;   ///< held by content that was replaced or deleted

  std::uint64_t total_bytes() const { return used_bytes + slack_bytes + dead_bytes; }

  /// Adds a block of which `used` bytes serve live items and `dead` belonged to dead ones; what
  /// the allocator reserved beyond both is slack. Requires used + dead <= the reserved bytes.
  void AddBlock(const void* block, std::uint64_t used, std::uint64_t dead = 0);
};

/// What a layout holds. Pairs are counted once a record, records once a list.
struct Counts {
  std::uint64_t outers = 0;
  std::uint64_t entries = 0;
  std::uint64_t records = 0;
  std::uint64_t pairs = 0;

  friend bool operator==(const Counts&, const Counts&) = default;
};

/// All layers of a layout, the door's sum beside them, and what is held: of one moment.
struct Footprint {
  std::string layout{};               ///< "interned", "std_map", …
  std::vector<Layer> layers{};        ///< leaves only
  Counts counts{};                    ///< what they hold
  std::uint64_t allocated_bytes = 0;  ///< the door's independent running sum
  /// Which door's (MemoryDoor::number), so that the books of a process can ask it again; 0: of none
  /// or of several.
  std::uint64_t door = 0;
  /// The most that may be held (Options::memory_limit_bytes); 0: no limit.
  std::uint64_t memory_limit_bytes = 0;
  /// How long the oldest reader's guard has been open, in seconds to about 0.01; 0 without guards.
  /// What is kept for guards is the layer "retained".
  double oldest_guard_seconds = 0;
  /// How many blocks of the allocator are among what is held, as the door counted.
  std::uint64_t heap_blocks = 0;
  /// The stretches of whole pages among what is held, which no allocator knows of; found by the
  /// walk.
  std::vector<AddressRange> pages{};
  /// Of them, what was not resident when it was measured (MemoryDoor::AbsentBytes): a writer may
  /// have given back some of them since. None: nobody looked.
  std::optional<std::uint64_t> absent_page_bytes{};
  /// The cache's name (Options::name), by which the books of a process tell several apart; "" for
  /// none.
  std::string cache{};

  /// The sum over all layers, in bytes: what the walk found.
  std::uint64_t total_bytes() const;

  /// The layer of that name, null when there is none. Lives as long as `layers` is unchanged.
  const Layer* Find(std::string_view name) const;
};

/// What a cache holds, from figures that its writes keep up to date: nothing is walked. All of one
/// moment, between two writes.
struct RunningFootprint {
  Counts counts;
  std::uint64_t writes = 0;  ///< how many had been made: tells the moment

  // The log that holds the content.
  std::uint64_t log_live_bytes = 0;   ///< blobs in use
  std::uint64_t log_slack_bytes = 0;  ///< free ends of segments, room in lists that grow
  std::uint64_t log_dead_bytes = 0;   ///< replaced or deleted and not yet given back
  std::uint64_t log_kept_bytes = 0;   ///< segments that are out of use and kept for guards
  // What leads to it, whole blocks each.
  std::uint64_t index_bytes = 0;       ///< of outers and inners
  std::uint64_t dictionary_bytes = 0;  ///< index and table of strings
  std::uint64_t other_bytes = 0;       ///< shapes, policy, lists of segments, readers, scratch

  std::uint64_t allocated_bytes = 0;     ///< the door's own sum
  std::uint64_t memory_limit_bytes = 0;  ///< the most that may be held; 0: no limit

  /// The sum of the parts: equal to allocated_bytes, and to what a walk finds.
  std::uint64_t total_bytes() const {
    return log_live_bytes + log_slack_bytes + log_dead_bytes + log_kept_bytes + index_bytes +
           dictionary_bytes + other_bytes;
  }
};

/// What one outer costs, found by walking.
struct OuterFootprint {
  std::string outer;
  Counts counts;  ///< its own: `outers` is 1
  /// Its blobs, its table, and the strings and shapes that nobody else names.
  std::uint64_t exclusive_bytes = 0;
  /// Of strings that others name too, its share, by how often it names them.
  double shared_bytes = 0;
  /// What DeleteOuter turns from live into dead or free, keys of its own shapes when the cache is
  /// cleaned: exclusive_bytes less what stays, the numbers of its strings. Exactly that; what
  /// cleaning gains besides is of others, whose entries it moves and writes anew, with shorter
  /// numbers.
  std::uint64_t freed_bytes = 0;
};

}  // namespace strata

#endif  // STRATA_FOOTPRINT_H_
