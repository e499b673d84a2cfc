// The slots of a hash table's shard (shard_table.h): how a tag and a payload lie in memory.
//
// Threads: those of WideSlots are atomics, so that readers see each whole beside the writer.
#ifndef STRATA_CACHE_PACKED_SLOTS_H_
#define STRATA_CACHE_PACKED_SLOTS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace strata::packed {

/// Payloads 0 and 1 are taken: an empty slot and a tombstone.
inline constexpr std::uint64_t kNoPayload = 0;
inline constexpr std::uint64_t kTombstone = 1;
inline constexpr std::uint64_t kFirstPayload = 2;

/// Eight bytes a slot, one atomic: 24 bits of tag over 40 of payload.
struct WideSlots {
  static constexpr std::size_t kSlotBytes = 8;
  static std::uint64_t Tag(std::uint64_t hash) { return (hash >> 32) & 0xFFFFFF; }
  /// The payload at a place; `*tag_fits` tells whether it has that tag.
  static std::uint64_t Load(std::uint8_t* slots, std::size_t, std::size_t at, std::uint64_t tag,
                            bool* tag_fits) {
    const std::uint64_t slot = At(slots, at).load(std::memory_order_acquire);
    *tag_fits = slot >> 40 == tag;
    return slot & ((std::uint64_t{1} << 40) - 1);
  }
  static void Store(std::uint8_t* slots, std::size_t, std::size_t at, std::uint64_t tag,
                    std::uint64_t payload) {
    At(slots, at).store(tag << 40 | payload, std::memory_order_release);
  }
  static const void* Address(std::uint8_t* slots, std::size_t at) { return slots + at * 8; }

 private:
  static std::atomic_ref<std::uint64_t> At(std::uint8_t* slots, std::size_t at) {
    return std::atomic_ref<std::uint64_t>(reinterpret_cast<std::uint64_t*>(slots)[at]);
  }
};

/// Five bytes a slot, an array of 32-bit payloads, then one of 8-bit tags: for the writer alone.
struct NarrowSlots {
  static constexpr std::size_t kSlotBytes = 5;
  static std::uint64_t Tag(std::uint64_t hash) { return (hash >> 32) & 0xFF; }
  static std::uint64_t Load(std::uint8_t* slots, std::size_t capacity, std::size_t at,
                            std::uint64_t tag, bool* tag_fits) {
    std::uint32_t payload;
    std::memcpy(&payload, slots + at * 4, 4);
    *tag_fits = slots[capacity * 4 + at] == tag;
    return payload;
  }
  static void Store(std::uint8_t* slots, std::size_t capacity, std::size_t at, std::uint64_t tag,
                    std::uint64_t payload) {
    const std::uint32_t narrow = static_cast<std::uint32_t>(payload);
    std::memcpy(slots + at * 4, &narrow, 4);
    slots[capacity * 4 + at] = static_cast<std::uint8_t>(tag);
  }
  static const void* Address(std::uint8_t* slots, std::size_t at) { return slots + at * 4; }
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_SLOTS_H_
