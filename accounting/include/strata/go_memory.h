// Where the bytes of a Go program are: its runtime.MemStats explained, beside what its container
// is charged. Part of the library strata::report.
//
// The identities (all fields are the runtime's own):
//
//     Sys = HeapSys + StackSys + MSpanSys + MCacheSys + BuckHashSys + GCSys + OtherSys
//     HeapSys = HeapInuse + HeapIdle        HeapInuse = HeapAlloc + fragmentation inside spans
//     HeapIdle = HeapReleased + idle memory that the runtime still holds
//
// What the runtime can hold of a container's memory is therefore Sys - HeapReleased. What the
// container is charged beyond that is not in MemStats at all, and no field of it can say why: for
// that part there are suspects, each with the file or command that decides it.
//
// Threads: plain values and pure functions.
#ifndef STRATA_GO_MEMORY_H_
#define STRATA_GO_MEMORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include <strata/footprint.h>

namespace strata {

/// The fields of Go's runtime.MemStats that tell where bytes are; bytes unless said otherwise.
struct GoMemStats {
  std::uint64_t heap_alloc = 0;  ///< live objects, and dead ones not swept yet
  std::uint64_t heap_sys = 0;
  std::uint64_t heap_idle = 0;      ///< spans without objects
  std::uint64_t heap_inuse = 0;     ///< spans with at least one
  std::uint64_t heap_released = 0;  ///< of the idle ones, returned to the system
  std::uint64_t heap_objects = 0;   ///< a count; 0 where the dump has none
  std::uint64_t stack_sys = 0;
  std::uint64_t mspan_sys = 0;
  std::uint64_t mcache_sys = 0;
  std::uint64_t buck_hash_sys = 0;
  std::uint64_t gc_sys = 0;
  std::uint64_t other_sys = 0;
  std::uint64_t sys = 0;
  std::uint64_t next_gc = 0;  ///< the heap size of the next collection; 0 where the dump has none
};

/// Reads a MemStats as encoding/json writes it, or the document of Go's /debug/vars, where it is
/// "memstats". Fields that are not needed may be missing or of any kind. InvalidArgument names the
/// field that is missing, no whole number of bytes, or greater than what it is part of.
absl::StatusOr<GoMemStats> ParseGoMemStats(std::string_view json);

/// A part of Sys.
struct GoMemoryTerm {
  std::string name;    ///< "live objects", …
  std::string fields;  ///< what it is made of, "HeapInuse - HeapAlloc"
  std::int64_t bytes = 0;
  bool in_container = true;  ///< false: the system has it back
};

/// Why a container may be charged for more than the runtime holds, or for less.
struct GoMemorySuspect {
  std::string name;
  std::string reason;
  std::string decide;  ///< the commands that decide it, a line each; PID is the process's
  std::optional<std::uint64_t> most_bytes;  ///< it can be no more than this, where that is known
};

struct GoMemoryReport {
  std::vector<GoMemoryTerm> terms;  ///< they add up to sys_bytes
  std::uint64_t sys_bytes = 0;
  std::uint64_t explained_bytes = 0;  ///< Sys - HeapReleased
  std::uint64_t heap_objects = 0;
  std::uint64_t live_bytes = 0;
  std::uint64_t next_gc_bytes = 0;
  std::optional<std::uint64_t> observed_bytes;    ///< what the container is charged
  std::optional<std::int64_t> unexplained_bytes;  ///< observed - explained, signed
  std::vector<GoMemorySuspect> suspects;          ///< of the unexplained, likeliest first
};

/// Sorts `stats` into terms; with `observed_bytes` also what is left, and who is suspected of it.
GoMemoryReport ExplainGoMemory(const GoMemStats& stats,
                               std::optional<std::uint64_t> observed_bytes);

/// What the whole of the data would take in a layout, from a sample.
struct GoSampleEstimate {
  std::string sample;                 ///< where it came from
  Counts counts;                      ///< of the sample
  std::uint64_t go_sample_bytes = 0;  ///< the sample in Go's nested maps, reckoned
  struct Layout {
    std::string layout;
    std::uint64_t sample_bytes = 0;  ///< built and measured
    std::uint64_t empty_bytes = 0;   ///< of that, held however little there is: it does not grow
  };
  std::vector<Layout> layouts;
};

/// Sentences and tables, in bytes and Mi, for a terminal of 100 columns; ends with a line end.
std::string GoMemoryText(const GoMemoryReport& report, const GoSampleEstimate* estimate = nullptr);

/// Reckons what nested data takes in the heap of a Go program that decoded it with encoding/json
/// into map[string]map[string][]map[string]string: Go 1.19's maps (eight places a bucket, 6.5 full
/// on average, doubling) and its size classes; every string is an allocation of its own.
class GoHeapReckoner {
 public:
  void AddOuter(std::string_view outer, std::size_t entries);
  void AddEntry(std::string_view inner, std::size_t records);
  void AddRecord(std::size_t pairs);
  void AddPair(std::string_view key, std::string_view value);

  std::uint64_t bytes() const { return bytes_; }

  /// What Go's allocator gives for a request of `size` bytes.
  static std::uint64_t AllocatedBytes(std::uint64_t size);

 private:
  void AddString(std::string_view text) { bytes_ += AllocatedBytes(text.size()); }
  // The header and the buckets of a map whose values take `value_size` bytes each.
  void AddMap(std::size_t count, std::uint64_t value_size);

  std::uint64_t bytes_ = 0;
};

}  // namespace strata

#endif  // STRATA_GO_MEMORY_H_
