// The mappings of this process as the kernel lists them, and which of their pages are there.
//
// Nothing here allocates in proportion to what it reads: the listing is read through one small
// buffer, the state of a page is kept in a bit.
//
// Threads: safe from any; what other threads map meanwhile may be missing.
#ifndef STRATA_ACCOUNTING_PROC_MAPS_H_
#define STRATA_ACCOUNTING_PROC_MAPS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "accounting/unique_fd.h"

namespace strata {

inline constexpr std::uintptr_t kPageBytes = 4096;

struct Mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;
  std::string name;              ///< a path, "[heap]", "[stack]", …; "" for anonymous memory
  std::uint64_t rss_bytes = 0;   ///< resident
  std::uint64_t anon_bytes = 0;  ///< of them anonymous
  bool may_be_huge = false;      ///< the kernel may back it by huge pages

  /// Whether it can hold what an allocator or a program maps for itself.
  bool IsPrivateMemory() const { return readable && writable && !shared && name.empty(); }
};

/// Addresses from `begin` up to `end`.
struct Stretch {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;

  bool Has(std::uintptr_t address) const { return address >= begin && address < end; }
};

/// Reads /proc/self/smaps, or a recorded file of that form, in order of addresses. Unavailable
/// where it cannot be read.
absl::StatusOr<std::vector<Mapping>> ReadMappings(const char* path = "/proc/self/smaps");

/// As `mappings`, with neighbours of one kind put together: the kernel divides one mapping in two
/// where advice on huge pages differs.
std::vector<Mapping> Merged(const std::vector<Mapping>& mappings);

/// Which pages of a stretch of addresses are resident and anonymous, as it was when it was read.
class ResidentPages {
 public:
  /// How many bytes of [begin, end), which must lie inside, are on resident pages.
  std::uint64_t Bytes(std::uintptr_t begin, std::uintptr_t end) const;
  bool Has(std::uintptr_t address) const { return bits_[(address - begin_) / kPageBytes]; }
  std::uintptr_t begin() const { return begin_; }
  std::uintptr_t end() const { return begin_ + bits_.size() * kPageBytes; }

 private:
  friend class PageMap;

  std::uintptr_t begin_ = 0;
  std::vector<bool> bits_;
};

/// The kernel's states of this process's pages: opened once for all that is asked of them.
class PageMap {
 public:
  /// Unavailable where there is none.
  static absl::StatusOr<PageMap> Open();

  /// The pages that [begin, end) touches, as they are now. Unavailable where the kernel does not
  /// say.
  absl::StatusOr<ResidentPages> Read(std::uintptr_t begin, std::uintptr_t end) const;

 private:
  explicit PageMap(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

/// Reads this process's own memory where another thread may unmap it meanwhile.
class OwnMemory {
 public:
  OwnMemory();
  OwnMemory(const OwnMemory&) = delete;
  OwnMemory& operator=(const OwnMemory&) = delete;
  ~OwnMemory();

  /// The `index`-th of the 8-byte words at `address`, a multiple of 8; none where nothing is
  /// mapped. What was read once is kept for up to kWindowBytes on: see Forget.
  std::optional<std::uint64_t> Word(std::uintptr_t address);
  /// Reads anew from now on.
  void Forget() { size_ = 0; }

 private:
  // No page beyond the one that was asked for is read: that would make pages resident.
  static constexpr std::size_t kWindowBytes = kPageBytes;

  int fd_;
  std::uintptr_t at_ = 0;
  std::size_t size_ = 0;
  alignas(8) char window_[kWindowBytes];
};

}  // namespace strata

#endif  // STRATA_ACCOUNTING_PROC_MAPS_H_
