// The books of a process: where its bytes are, from its container down to the caches it holds.
//
//     container's working set  =  anonymous + shared + active file pages + kernel + …   + rest
//     anonymous memory         =  caches + the allocator's own + stacks + data + …      + rest
//     file memory              =  program and libraries + shared memory + …             + rest
//
// Each term is read from the kernel or the allocator, or counted; it says by whom. None is what is
// left of something else: what is left is the rest, signed, and shown. A term may be negative where
// it corrects another (bytes that were handed out and whose pages are not resident).
//
// Threads: safe from any; figures that other threads change meanwhile are a little apart.
#ifndef STRATA_PROCESS_BOOKS_H_
#define STRATA_PROCESS_BOOKS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include <strata/footprint.h>

namespace strata {

/// A part of the process's memory that is known by name.
struct MemoryTerm {
  std::string of;          ///< what it is a part of: "anon", "file" or "cgroup"
  std::string name;        ///< for people
  std::int64_t bytes = 0;  ///< negative where it takes back what another term says too much
  std::string source;      ///< who says so: "door", "mallinfo2", "pagemap", …

  friend bool operator==(const MemoryTerm&, const MemoryTerm&) = default;
};

/// What the allocator says of itself, in its own terms. They overlap: no sum is meant.
struct AllocatorBooks {
  struct Figure {
    std::string name;  ///< "allocated_bytes", …
    std::uint64_t bytes = 0;

    friend bool operator==(const Figure&, const Figure&) = default;
  };

  std::string name;  ///< "glibc 2.36 malloc", "jemalloc 5.3.0-…"
  std::vector<Figure> figures;

  /// The figure of that name; none where this allocator has none.
  std::optional<std::uint64_t> Find(std::string_view figure) const;
};

/// The memory of the container, a cgroup, that the process is in.
struct CgroupBooks {
  int version = 0;                  ///< 1 or 2
  std::string path;                 ///< the folder its figures were read from
  std::uint64_t current_bytes = 0;  ///< what the kernel charges it with
  /// What kubelet calls the working set and `kubectl top` shows: current less the inactive file
  /// pages, not below 0.
  std::uint64_t working_set_bytes = 0;
  std::optional<std::uint64_t> limit_bytes;  ///< none: unlimited
  std::optional<std::uint64_t> peak_bytes;   ///< of current_bytes; none: the kernel does not say
  std::optional<std::uint64_t> oom_kills;    ///< processes the kernel killed in it for its limit
};

/// The books of one process at one moment.
struct ProcessBooks {
  std::uint64_t rss_bytes = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::uint64_t anon_bytes = 0;  ///< of them anonymous
  std::uint64_t file_bytes = 0;  ///< of them of files, or shared
  AllocatorBooks allocator;
  std::optional<CgroupBooks> cgroup;  ///< none: in no container, or one that cannot be read
  std::vector<MemoryTerm> terms;      ///< no byte in two of one `of`

  /// What the terms of `of` leave of it: of "anon" and "file" of those figures, of "cgroup" of the
  /// working set (0 without a cgroup). Negative where they say more than there is.
  std::int64_t UnexplainedBytes(std::string_view of) const;
};

/// Closes the books of this process, which holds `caches`, each measured just before (empty: none);
/// what their doors took or gave back since is a term of its own, all that it held where a cache is
/// gone. One that is given twice counts once, as it was given first. Of several each one's term has
/// its name, where it has one. What the program holds on the heap for itself is in the rest: no
/// allocator says whose a block is.
/// Reads every page's state, 8 bytes a page: some 0.1 s for a process of 10 GB, and under glibc
/// visits each block of the heap, which costs as much as a scan of it. Unavailable where /proc
/// cannot be read.
absl::StatusOr<ProcessBooks> ReadProcessBooks(std::span<const Footprint> caches);

/// The totals of this process and its container without terms: a few files of /proc, no page and no
/// block is looked at, so that it may be called at every scrape. The resident figures lag behind by
/// up to 64 pages a thread. Unavailable where /proc cannot be read.
absl::StatusOr<ProcessBooks> ReadProcessTotals();

}  // namespace strata

#endif  // STRATA_PROCESS_BOOKS_H_
