#include <strata/go_memory.h>

#include <algorithm>
#include <exception>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "accounting/report/json_parts.h"
#include "accounting/report/text_parts.h"

namespace strata {
namespace {

struct Field {
  const char* name;
  std::uint64_t GoMemStats::*bytes;
  bool needed;
};

constexpr Field kFields[] = {
    {"HeapAlloc", &GoMemStats::heap_alloc, true},
    {"HeapSys", &GoMemStats::heap_sys, true},
    {"HeapIdle", &GoMemStats::heap_idle, true},
    {"HeapInuse", &GoMemStats::heap_inuse, true},
    {"HeapReleased", &GoMemStats::heap_released, true},
    {"HeapObjects", &GoMemStats::heap_objects, false},
    {"StackSys", &GoMemStats::stack_sys, true},
    {"MSpanSys", &GoMemStats::mspan_sys, true},
    {"MCacheSys", &GoMemStats::mcache_sys, true},
    {"BuckHashSys", &GoMemStats::buck_hash_sys, true},
    {"GCSys", &GoMemStats::gc_sys, true},
    {"OtherSys", &GoMemStats::other_sys, true},
    {"Sys", &GoMemStats::sys, true},
    {"NextGC", &GoMemStats::next_gc, false},
};

// More than any address space has; sums of some stay far from what a number holds.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 57;

absl::Status ReadFields(const Json& object, GoMemStats* stats) {
  for (const Field& field : kFields) {
    const auto found = object.find(field.name);
    if (found == object.end()) {
      if (!field.needed) continue;
      return absl::InvalidArgumentError(absl::StrFormat(
          "no Go MemStats: the field %s is missing: write a runtime.MemStats with encoding/json, "
          "whole",
          field.name));
    }
    // Go's NextGC may be all ones, for a collector that is off: still a whole number.
    if (!found->is_number_unsigned()) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "no Go MemStats: %s is %s, not a whole number of bytes", field.name,
          found->dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 40)));
    }
    const auto bytes = found->get<std::uint64_t>();
    if (field.needed && bytes > kMostBytes) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "no Go MemStats: %s is %d, more than a process can map", field.name, bytes));
    }
    stats->*field.bytes = bytes;
  }
  return absl::OkStatus();
}

// A part that is greater than its whole would make figures below zero out of nothing.
absl::Status CheckParts(const GoMemStats& stats) {
  if (stats.sys == 0) {
    return absl::InvalidArgumentError(
        "no Go MemStats: Sys is 0, which no process has: was runtime.ReadMemStats called?");
  }
  const std::tuple<const char*, std::uint64_t, const char*, std::uint64_t> parts[] = {
      {"HeapAlloc", stats.heap_alloc, "HeapInuse", stats.heap_inuse},
      {"HeapReleased", stats.heap_released, "HeapIdle", stats.heap_idle},
      {"HeapInuse + HeapIdle", stats.heap_inuse + stats.heap_idle, "HeapSys", stats.heap_sys},
      {"the sum of HeapSys, StackSys, MSpanSys, MCacheSys, BuckHashSys, GCSys and OtherSys",
       stats.heap_sys + stats.stack_sys + stats.mspan_sys + stats.mcache_sys + stats.buck_hash_sys +
           stats.gc_sys + stats.other_sys,
       "Sys", stats.sys},
  };
  for (const auto& [part, part_bytes, whole, whole_bytes] : parts) {
    if (part_bytes <= whole_bytes) continue;
    return absl::InvalidArgumentError(
        absl::StrFormat("no Go MemStats: %s is %d, more than the %s of %d that it is part of", part,
                        part_bytes, whole, whole_bytes));
  }
  return absl::OkStatus();
}

std::int64_t Signed(std::uint64_t bytes) { return static_cast<std::int64_t>(bytes); }

std::vector<GoMemoryTerm> TermsOf(const GoMemStats& stats) {
  std::vector<GoMemoryTerm> terms = {
      {"live objects", "HeapAlloc", Signed(stats.heap_alloc), true},
      {"fragmentation inside spans", "HeapInuse - HeapAlloc",
       Signed(stats.heap_inuse - stats.heap_alloc), true},
      {"idle, not returned", "HeapIdle - HeapReleased",
       Signed(stats.heap_idle - stats.heap_released), true},
      {"runtime: collector", "GCSys", Signed(stats.gc_sys), true},
      {"runtime: span records", "MSpanSys", Signed(stats.mspan_sys), true},
      {"runtime: stacks", "StackSys", Signed(stats.stack_sys), true},
      {"runtime: caches, profiles", "MCacheSys + BuckHashSys",
       Signed(stats.mcache_sys + stats.buck_hash_sys), true},
      {"runtime: other", "OtherSys", Signed(stats.other_sys), true},
      {"returned", "HeapReleased", Signed(stats.heap_released), false},
  };
  // The runtime's own books close; a dump that somebody edited need not.
  std::int64_t rest = Signed(stats.sys);
  for (const GoMemoryTerm& term : terms) rest -= term.bytes;
  if (rest != 0) terms.push_back({"in no field", "Sys - all above", rest, true});
  return terms;
}

// What of the runtime's own lies beside the heap, and so among what C code maps.
std::uint64_t RuntimesOwn(const GoMemStats& stats) {
  return stats.mspan_sys + stats.mcache_sys + stats.buck_hash_sys + stats.gc_sys + stats.other_sys;
}

// Why a container is charged for more than the runtime holds, likeliest first as far as one can
// know without looking. Commands are such as a shell with busybox or mawk has.
std::vector<GoMemorySuspect> SuspectsOfMore(const GoMemStats& stats) {
  return {
      {"page cache of files it wrote or read",
       "a large JSON file that was written or read stays cached; kubectl top counts active_file of "
       "it, memory.current all of it",
       "grep -E '^(in)?active_file' /sys/fs/cgroup/memory.stat\n"
       "grep -E '^total_(in)?active_file' /sys/fs/cgroup/memory/memory.stat    (cgroup v1)",
       std::nullopt},
      {"pages released lazily",
       "with MADV_FREE (Go 1.12 to 1.15, or GODEBUG=madvdontneed=0) returned pages stay in RSS and "
       "memory.current until the kernel wants them; the kernel lists them as inactive_file, which "
       "kubectl top leaves out",
       "grep LazyFree /proc/PID/smaps_rollup\n"
       "go version BINARY\n"
       "tr '\\0' '\\n' < /proc/PID/environ | grep GODEBUG",
       stats.heap_released},
      {"huge pages",
       "a huge page is charged whole though most of it was returned, and khugepaged fills holes "
       "again",
       "grep -E '^(Rss|AnonHugePages)' /proc/PID/smaps_rollup\n"
       "cat /sys/kernel/mm/transparent_hugepage/enabled\n"
       "cat /sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none",
       stats.heap_released},
      {"cgo and mappings of its own",
       absl::StrFormat("malloc of C code, mmap, memory-mapped files: the Go runtime does not see "
                       "them. The command adds up what lies outside its heap; of that up to %s "
                       "bytes are the runtime's own",
                       Grouped(RuntimesOwn(stats))),
       "awk '/^[0-9a-f]+-/ {go = /^c0/} /^Anonymous:/ && !go {kb += $2} END {print kb \" kB\"}' "
       "\\\n/proc/PID/smaps",
       std::nullopt},
      {"files in memory", "tmpfs, /dev/shm, an emptyDir with medium: Memory",
       "grep '^shmem ' /sys/fs/cgroup/memory.stat\n"
       "df -h -t tmpfs    (in the container)",
       std::nullopt},
      {"other processes and containers of the pod",
       "a container's figure is of all its processes, a pod's of all its containers",
       "kubectl top pod POD --containers\n"
       "ps -e -o pid,rss,args",
       std::nullopt},
      {"kernel memory",
       // A page table has eight bytes for each page of 4 KiB that was ever touched.
       absl::StrFormat("sockets, dentries, and page tables, here at most Sys / 512 = %s bytes",
                       Grouped(stats.sys / 512)),
       "grep -E '^(kernel|slab|sock|pagetables) ' /sys/fs/cgroup/memory.stat\n"
       "grep VmPTE /proc/PID/status",
       std::nullopt},
      {"another moment", "dump and container were not read at the same time",
       "cat /sys/fs/cgroup/memory.current    (within a second of the dump)", std::nullopt},
  };
}

// Why it is charged for less.
std::vector<GoMemorySuspect> SuspectsOfLess(const GoMemStats& stats) {
  return {
      {"memory never touched",
       "Sys counts what was obtained; fresh spans and the collector's tables are resident only "
       "once written",
       "grep Rss /proc/PID/smaps_rollup",
       stats.heap_idle - stats.heap_released + stats.gc_sys + stats.heap_inuse - stats.heap_alloc},
      {"swap", "swapped pages are charged elsewhere",
       "grep Swap /proc/PID/smaps_rollup\n"
       "cat /sys/fs/cgroup/memory.swap.current",
       std::nullopt},
      {"another moment", "dump and container were not read at the same time",
       "cat /sys/fs/cgroup/memory.current    (within a second of the dump)", std::nullopt},
      {"another container", "the figure is not that of the process's own container",
       "cat /proc/PID/cgroup", std::nullopt},
  };
}

// Who can account for all of `bytes` alone stands before who cannot.
void Rank(std::uint64_t bytes, std::vector<GoMemorySuspect>* suspects) {
  std::stable_partition(suspects->begin(), suspects->end(), [&](const GoMemorySuspect& suspect) {
    return !suspect.most_bytes.has_value() || *suspect.most_bytes >= bytes;
  });
}

}  // namespace

absl::StatusOr<GoMemStats> ParseGoMemStats(std::string_view json) {
  try {
    Json document = Json::parse(json);
    // What expvar serves at /debug/vars.
    if (document.is_object() && document.contains("memstats")) {
      document = Json(document.at("memstats"));
    }
    if (!document.is_object()) {
      return absl::InvalidArgumentError("no Go MemStats: it is no JSON object");
    }
    GoMemStats stats;
    if (absl::Status status = ReadFields(document, &stats); !status.ok()) return status;
    if (absl::Status status = CheckParts(stats); !status.ok()) return status;
    return stats;
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrFormat("no Go MemStats: %s", ReasonOf(error)));
  }
}

GoMemoryReport ExplainGoMemory(const GoMemStats& stats,
                               std::optional<std::uint64_t> observed_bytes) {
  GoMemoryReport report;
  report.terms = TermsOf(stats);
  report.sys_bytes = stats.sys;
  report.explained_bytes = stats.sys - stats.heap_released;
  report.heap_objects = stats.heap_objects;
  report.live_bytes = stats.heap_alloc;
  // All ones where the collector is off.
  if (stats.next_gc < std::uint64_t{1} << 62) report.next_gc_bytes = stats.next_gc;
  if (observed_bytes.has_value()) {
    report.observed_bytes = observed_bytes;
    const std::int64_t rest = Signed(*observed_bytes) - Signed(report.explained_bytes);
    report.unexplained_bytes = rest;
    if (rest > 0) report.suspects = SuspectsOfMore(stats);
    if (rest < 0) report.suspects = SuspectsOfLess(stats);
    Rank(static_cast<std::uint64_t>(rest < 0 ? -rest : rest), &report.suspects);
  }
  return report;
}

}  // namespace strata
