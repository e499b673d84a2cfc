#include "accounting/proc_maps.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace strata {
namespace {

constexpr const char* kPageMapPath = "/proc/self/pagemap";
// Linux's Documentation/admin-guide/mm/pagemap.rst.
constexpr std::uint64_t kPresentBit = std::uint64_t{1} << 63;
constexpr std::uint64_t kFileBit = std::uint64_t{1} << 61;

// "begin-end perms offset device inode   name"; whether `line` is the head of a mapping.
bool ParseHead(std::string_view line, Mapping* mapping) {
  const char* const end = line.data() + line.size();
  auto [dash, error] = std::from_chars(line.data(), end, mapping->begin, 16);
  if (error != std::errc() || dash == end || *dash != '-') return false;
  auto [space, error2] = std::from_chars(dash + 1, end, mapping->end, 16);
  if (error2 != std::errc() || end - space < 5 || *space != ' ') return false;
  mapping->readable = space[1] == 'r';
  mapping->writable = space[2] == 'w';
  mapping->executable = space[3] == 'x';
  mapping->shared = space[4] == 's';
  std::string_view rest(space + 5, static_cast<std::size_t>(end - space - 5));
  for (int field = 0; field < 3; ++field) {  // offset, device, inode
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    rest.remove_prefix(std::min(rest.find(' '), rest.size()));
  }
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  mapping->name.assign(rest);
  return true;
}

// "Name:    123 kB", in bytes, or "Name:  1", no matter how much; 0 for another name.
std::uint64_t ParseField(std::string_view line, std::string_view name) {
  if (!line.starts_with(name)) return 0;
  line.remove_prefix(name.size());
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  std::uint64_t kib = 0;
  std::from_chars(line.data(), line.data() + line.size(), kib);
  return kib * 1024;
}

void TakeLine(std::string_view line, std::vector<Mapping>* mappings) {
  Mapping mapping;
  if (ParseHead(line, &mapping)) {
    mappings->push_back(std::move(mapping));
  } else if (!mappings->empty()) {
    mappings->back().rss_bytes += ParseField(line, "Rss:");
    mappings->back().anon_bytes += ParseField(line, "Anonymous:");
    mappings->back().may_be_huge |= ParseField(line, "THPeligible:") > 0;
  }
}

absl::Status Unreadable(const char* path) {
  return absl::UnavailableError(
      absl::StrCat(path, ": ", std::strerror(errno), ": is /proc mounted and readable?"));
}

}  // namespace

absl::StatusOr<std::vector<Mapping>> ReadMappings(const char* path) {
  std::FILE* const file = std::fopen(path, "re");
  if (file == nullptr) return Unreadable(path);
  std::vector<Mapping> mappings;
  char* line = nullptr;
  std::size_t capacity = 0;
  for (ssize_t size; (size = getline(&line, &capacity, file)) > 0;) {
    TakeLine(std::string_view(line, static_cast<std::size_t>(size - (line[size - 1] == '\n'))),
             &mappings);
  }
  std::free(line);
  std::fclose(file);
  if (mappings.empty()) {
    return absl::UnavailableError(
        absl::StrCat(path, ": lists no mapping: is /proc mounted and readable?"));
  }
  return mappings;
}

std::vector<Mapping> Merged(const std::vector<Mapping>& mappings) {
  std::vector<Mapping> merged;
  for (const Mapping& mapping : mappings) {
    const bool goes_on = !merged.empty() && merged.back().end == mapping.begin &&
                         merged.back().name == mapping.name &&
                         merged.back().IsPrivateMemory() == mapping.IsPrivateMemory();
    if (!goes_on) {
      merged.push_back(mapping);
      continue;
    }
    merged.back().end = mapping.end;
    merged.back().rss_bytes += mapping.rss_bytes;
    merged.back().anon_bytes += mapping.anon_bytes;
    merged.back().may_be_huge |= mapping.may_be_huge;
  }
  return merged;
}

absl::StatusOr<PageMap> PageMap::Open() {
  UniqueFd fd(open(kPageMapPath, O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return Unreadable(kPageMapPath);
  return PageMap(std::move(fd));
}

absl::StatusOr<ResidentPages> PageMap::Read(std::uintptr_t begin, std::uintptr_t end) const {
  ResidentPages pages;
  pages.begin_ = begin / kPageBytes * kPageBytes;
  pages.bits_.reserve((end - pages.begin_ + kPageBytes - 1) / kPageBytes);
  std::array<std::uint64_t, 512> states;
  for (std::uintptr_t at = pages.begin_; at < end;) {
    const std::size_t wanted =
        std::min<std::size_t>(states.size(), (end - at + kPageBytes - 1) / kPageBytes);
    const ssize_t size = pread(fd_.get(), states.data(), wanted * sizeof(states[0]),
                               static_cast<off_t>(at / kPageBytes * sizeof(states[0])));
    if (size <= 0) break;
    const std::size_t count = static_cast<std::size_t>(size) / sizeof(states[0]);
    for (std::size_t i = 0; i < count; ++i) {
      pages.bits_.push_back((states[i] & (kPresentBit | kFileBit)) == kPresentBit);
    }
    at += count * kPageBytes;
  }
  if (pages.end() < end) return Unreadable(kPageMapPath);
  return pages;
}

std::uint64_t ResidentPages::Bytes(std::uintptr_t begin, std::uintptr_t end) const {
  std::uint64_t bytes = 0;
  while (begin < end) {
    const std::uintptr_t next = std::min(end, begin / kPageBytes * kPageBytes + kPageBytes);
    if (Has(begin)) bytes += next - begin;
    begin = next;
  }
  return bytes;
}

OwnMemory::OwnMemory() : fd_(open("/proc/self/mem", O_RDONLY | O_CLOEXEC)) {}

OwnMemory::~OwnMemory() {
  if (fd_ >= 0) close(fd_);
}

std::optional<std::uint64_t> OwnMemory::Word(std::uintptr_t address) {
  if (address < at_ || address + sizeof(std::uint64_t) > at_ + size_) {
    at_ = address / kPageBytes * kPageBytes;
    const ssize_t size = pread(fd_, window_, sizeof(window_), static_cast<off_t>(at_));
    size_ = size < 0 ? 0 : static_cast<std::size_t>(size);
    if (address + sizeof(std::uint64_t) > at_ + size_) return std::nullopt;
  }
  std::uint64_t word;
  std::memcpy(&word, window_ + (address - at_), sizeof(word));
  return word;
}

}  // namespace strata
