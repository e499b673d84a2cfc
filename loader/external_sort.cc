#include "loader/external_sort.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strata {
namespace {

constexpr std::size_t kChunkBytes = 1u << 20;
constexpr std::size_t kWriteBytes = 256u << 10;
constexpr std::size_t kMostReadBytes = 256u << 10;
constexpr std::size_t kLeastReadBytes = 4u << 10;
constexpr std::size_t kLargePayloadBytes = 64u << 10;
constexpr std::uint64_t kInMemory = std::uint64_t{1} << 63;  // of a place: the rest is an index

struct Header {
  std::uint64_t hash;
  std::uint32_t key_size;
  std::uint32_t payload_size;

  bool payload_is_apart() const { return payload_size >= kLargePayloadBytes; }
  std::size_t row_size() const {
    const std::size_t behind_key = payload_is_apart() ? sizeof(std::uint64_t) : payload_size;
    return sizeof(Header) + std::size_t{key_size} + behind_key;
  }
};
static_assert(sizeof(Header) == 16);

Header ReadHeader(const char* row) {
  Header header;
  std::memcpy(&header, row, sizeof header);
  return header;
}

std::string_view KeyOf(const char* row) { return {row + sizeof(Header), ReadHeader(row).key_size}; }

bool Before(std::uint64_t hash_a, const char* a, std::uint64_t hash_b, const char* b) {
  if (hash_a != hash_b) return hash_a < hash_b;
  return KeyOf(a) < KeyOf(b);
}

// The first bytes of `text` as a number that compares as they do.
std::uint64_t FirstBytes(std::string_view text) {
  unsigned char bytes[sizeof(std::uint64_t)] = {};
  std::memcpy(bytes, text.data(), std::min(text.size(), sizeof bytes));
  std::uint64_t number = 0;
  for (const unsigned char byte : bytes) number = number << 8 | byte;
  return number;
}

absl::Status FileError(const char* doing, const std::string& directory, int error) {
  const std::string message =
      absl::StrCat("cannot ", doing, " the temporary file for sorting rows in ", directory, ": ",
                   std::strerror(error));
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return absl::ResourceExhaustedError(
        absl::StrCat(message,
                     "; it needs about the table's size: set TMPDIR to a directory with "
                     "room"));
  }
  return absl::UnavailableError(
      absl::StrCat(message, "; set TMPDIR to a directory that can be written to"));
}

// The file's `size` bytes at `offset`, which were written.
absl::Status ReadFile(int file, std::uint64_t offset, std::size_t size, char* to,
                      const std::string& directory) {
  while (size > 0) {
    const ssize_t got = pread(file, to, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return FileError("read", directory, got < 0 ? errno : EIO);
    to += got;
    size -= static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
  return absl::OkStatus();
}

}  // namespace

// Reads one run back through a buffer that holds at least the row it stands on.
class ExternalSort::RunReader {
 public:
  RunReader(int file, Extent run, std::size_t buffer_bytes)
      : file_(file), offset_(run.begin), end_(run.end), buffer_bytes_(buffer_bytes) {}

  /// Goes to the next row; false at the run's end, errno's text otherwise.
  absl::StatusOr<bool> Advance(const std::string& directory) {
    begin_ += row_size_;
    row_size_ = 0;
    if (begin_ == buffer_.size() && offset_ == end_) return false;
    if (absl::Status status = Need(sizeof(Header), directory); !status.ok()) return status;
    const std::size_t size = ReadHeader(row()).row_size();
    if (absl::Status status = Need(size, directory); !status.ok()) return status;
    row_size_ = size;
    return true;
  }

  const char* row() const { return buffer_.data() + begin_; }
  std::uint64_t hash() const { return ReadHeader(row()).hash; }

 private:
  absl::Status Need(std::size_t size, const std::string& directory) {
    if (buffer_.size() - begin_ >= size) return absl::OkStatus();
    buffer_.erase(0, begin_);
    begin_ = 0;
    // A row larger than the buffer had its way; the next usual one gets the usual buffer.
    const std::size_t wanted = std::max(size, buffer_bytes_);
    if (buffer_.capacity() > 4 * wanted) buffer_.shrink_to_fit();
    const std::size_t filled = buffer_.size();
    const std::size_t more =
        static_cast<std::size_t>(std::min<std::uint64_t>(wanted - filled, end_ - offset_));
    buffer_.resize(filled + more);
    absl::Status status = ReadFile(file_, offset_, more, buffer_.data() + filled, directory);
    offset_ += more;
    if (status.ok() && buffer_.size() < size) return FileError("read", directory, EIO);
    return status;
  }

  const int file_;
  std::uint64_t offset_;
  const std::uint64_t end_;
  const std::size_t buffer_bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t row_size_ = 0;
};

ExternalSort::ExternalSort(std::size_t memory_budget_bytes, std::string directory)
    : budget_(memory_budget_bytes), directory_(std::move(directory)) {}

ExternalSort::~ExternalSort() {
  if (file_ >= 0) close(file_);
}

absl::Status ExternalSort::Add(std::uint64_t hash, std::size_t prefix_bytes, std::string_view key,
                               std::string_view payload) {
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (key.size() > kMost || payload.size() > kMost) {
    return absl::InvalidArgumentError("a row of 4 GiB or more cannot be loaded; leave it out");
  }
  const Header header{hash, static_cast<std::uint32_t>(key.size()),
                      static_cast<std::uint32_t>(payload.size())};
  const std::size_t held = chunk_ * kChunkBytes + chunk_used_ + large_bytes_ + kept_bytes_ +
                           items_.size() * sizeof(Item);
  if (!items_.empty() && held + header.row_size() + sizeof(Item) > budget_) {
    if (absl::Status status = Spill(); !status.ok()) return status;
  }
  std::uint64_t place = 0;
  if (header.payload_is_apart()) {
    const absl::StatusOr<std::uint64_t> kept = KeepApart(payload);
    if (!kept.ok()) return kept.status();
    place = *kept;
    payload = {reinterpret_cast<const char*>(&place), sizeof place};
  }
  char* row = Reserve(header.row_size());
  std::memcpy(row, &header, sizeof header);
  if (!key.empty()) std::memcpy(row + sizeof header, key.data(), key.size());
  if (!payload.empty()) {
    std::memcpy(row + sizeof header + key.size(), payload.data(), payload.size());
  }
  Item item{hash, row, row, static_cast<std::uint32_t>(prefix_bytes), 1};
  if (FollowsLast(item, key)) {
    items_.back().last = row;
    ++items_.back().rows;
  } else {
    items_.push_back(item);
  }
  return absl::OkStatus();
}

// Its place.
absl::StatusOr<std::uint64_t> ExternalSort::KeepApart(std::string_view payload) {
  if (kept_bytes_ + payload.size() <= budget_ / 8) {
    kept_.push_back(std::make_unique_for_overwrite<char[]>(payload.size()));
    std::memcpy(kept_.back().get(), payload.data(), payload.size());
    kept_bytes_ += payload.size();
    return kInMemory | (kept_.size() - 1);
  }
  const std::uint64_t place = file_size_;
  if (absl::Status status = WriteFile(payload); !status.ok()) return status;
  return place;
}

// Whether the row, which is in memory, goes on with the run of the last item.
bool ExternalSort::FollowsLast(const Item& item, std::string_view key) const {
  if (items_.empty()) return false;
  const Item& run = items_.back();
  if (run.hash != item.hash || run.prefix_bytes != item.prefix_bytes) return false;
  if (run.last + ReadHeader(run.last).row_size() != item.row) return false;
  const std::string_view last = KeyOf(run.last);
  return last.substr(0, run.prefix_bytes) == key.substr(0, run.prefix_bytes) && last < key;
}

char* ExternalSort::Reserve(std::size_t size) {
  if (size > kChunkBytes / 4) {
    large_.push_back(std::make_unique_for_overwrite<char[]>(size));
    large_bytes_ += size;
    return large_.back().get();
  }
  if (chunk_ < chunks_.size() && chunk_used_ + size > kChunkBytes) {
    ++chunk_;
    chunk_used_ = 0;
  }
  if (chunk_ == chunks_.size()) {
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(kChunkBytes));
  }
  char* row = chunks_[chunk_].get() + chunk_used_;
  chunk_used_ += size;
  return row;
}

// By hash alone: no row is looked at, and they lie anywhere in memory.
void ExternalSort::SortItems() {
  std::sort(items_.begin(), items_.end(),
            [](const Item& a, const Item& b) { return a.hash < b.hash; });
  next_item_ = 0;
}

// Makes the items of the next hash the group that is given; false where there is none.
bool ExternalSort::OpenGroup() {
  group_.Truncate(0);
  next_member_ = 0;
  if (next_item_ == items_.size()) return false;
  const std::size_t begin = next_item_;
  while (next_item_ < items_.size() && items_[next_item_].hash == items_[begin].hash) ++next_item_;
  group_.Reserve(next_item_ - begin);
  for (std::size_t i = begin; i < next_item_; ++i) {
    // Rows lie anywhere in memory: the waits for some of them overlap.
    constexpr std::size_t kAhead = 12;
    if (i + kAhead < items_.size()) __builtin_prefetch(items_[i + kAhead].row);
    const Item& item = items_[i];
    group_.push_back({{}, item.row, static_cast<std::uint32_t>(item.last - item.row), item.rows});
  }
  if (group_.size() > 1) SortGroup(items_[begin].prefix_bytes);
  return true;
}

// Puts the members into the order of their keys, of which most begin with the same `prefix_bytes`.
void ExternalSort::SortGroup(std::size_t prefix_bytes) {
  SortMembers(prefix_bytes);
  for (std::size_t i = 0; i + 1 < group_.size(); ++i) {
    const Member& run = group_[i];
    if (run.rows == 1) continue;
    if (KeyOf(run.row + run.last) < KeyOf(group_[i + 1].row)) continue;
    SplitRuns();
    SortMembers(prefix_bytes);
    return;
  }
}

// By their first keys.
void ExternalSort::SortMembers(std::size_t prefix_bytes) {
  const std::string_view prefix = KeyOf(group_[0].row).substr(0, prefix_bytes);
  const bool shared = std::all_of(group_.begin(), group_.end(), [&](const Member& member) {
    return KeyOf(member.row).starts_with(prefix);
  });
  for (Member& member : group_) {
    if (!shared) break;
    const std::string_view tail = KeyOf(member.row).substr(prefix.size());
    member.tail[0] = FirstBytes(tail);
    member.tail[1] = FirstBytes(tail.substr(std::min(tail.size(), sizeof member.tail[0])));
  }
  std::sort(group_.begin(), group_.end(), [](const Member& a, const Member& b) {
    if (a.tail[0] != b.tail[0]) return a.tail[0] < b.tail[0];
    if (a.tail[1] != b.tail[1]) return a.tail[1] < b.tail[1];
    return KeyOf(a.row) < KeyOf(b.row);
  });
}

// Runs overlap, of an entry that came in several pieces: takes them to pieces, a member a row.
void ExternalSort::SplitRuns() {
  std::size_t rows = 0;
  for (const Member& run : group_) rows += run.rows;
  GrowingArray<Member> split;
  split.Reserve(rows);
  for (const Member& run : group_) {
    const char* row = run.row;
    for (std::uint32_t n = 0; n < run.rows; ++n) {
      split.push_back({{}, row, 0, 1});
      row += ReadHeader(row).row_size();
    }
  }
  group_ = std::move(split);
}

absl::Status ExternalSort::Finish() {
  if (runs_.empty()) {
    SortItems();
    return absl::OkStatus();
  }
  if (absl::Status status = Spill(); !status.ok()) return status;
  std::vector<Chunk>().swap(chunks_);  // memory goes to the runs' buffers now
  items_.Clear(0);
  const std::size_t buffer_bytes =
      std::clamp((budget_ - kept_bytes_) / runs_.size(), kLeastReadBytes, kMostReadBytes);
  for (const Extent& run : runs_) {
    heap_.push_back(std::make_unique<RunReader>(file_, run, buffer_bytes));
    if (absl::StatusOr<bool> there = heap_.back()->Advance(directory_); !there.ok()) {
      return there.status();
    }
  }
  const auto after = [](const auto& a, const auto& b) {
    return Before(b->hash(), b->row(), a->hash(), a->row());
  };
  std::make_heap(heap_.begin(), heap_.end(), after);
  return absl::OkStatus();
}

absl::StatusOr<bool> ExternalSort::Next(Row* row) {
  const char* at = nullptr;
  if (runs_.empty()) {
    at = NextInMemory();
  } else {
    const absl::StatusOr<const char*> next = NextOfRuns();
    if (!next.ok()) return next.status();
    at = *next;
  }
  if (at == nullptr) return false;
  const absl::StatusOr<std::string_view> payload = LoadPayload(at);
  if (!payload.ok()) return payload.status();
  *row = {ReadHeader(at).hash, KeyOf(at), *payload};
  return true;
}

// The payload of a row in memory, valid until payload_ changes.
absl::StatusOr<std::string_view> ExternalSort::LoadPayload(const char* row) {
  const Header header = ReadHeader(row);
  const char* const behind_key = row + sizeof header + header.key_size;
  constexpr std::size_t kKeptBytes = std::size_t{1} << 20;
  if (!header.payload_is_apart()) {
    payload_.Clear(kKeptBytes);
    return std::string_view(behind_key, header.payload_size);
  }
  std::uint64_t place = 0;
  std::memcpy(&place, behind_key, sizeof place);
  if ((place & kInMemory) != 0) {
    return std::string_view(kept_[place & ~kInMemory].get(), header.payload_size);
  }
  if (payload_.capacity() < header.payload_size) payload_.Clear(0);  // growing would copy it
  payload_.Reserve(header.payload_size);
  absl::Status status = ReadFile(file_, place, header.payload_size, payload_.data(), directory_);
  if (!status.ok()) return status;
  return std::string_view(payload_.data(), header.payload_size);
}

// Null at the end.
const char* ExternalSort::NextInMemory() {
  if (next_member_ == group_.size() && !OpenGroup()) return nullptr;
  const Member& member = group_[next_member_];
  const char* const row = rows_given_ == 0 ? member.row : next_row_;
  next_row_ = row + ReadHeader(row).row_size();
  if (++rows_given_ == member.rows) {
    rows_given_ = 0;
    ++next_member_;
  }
  return row;
}

// Null at the end.
absl::StatusOr<const char*> ExternalSort::NextOfRuns() {
  const auto after = [](const auto& a, const auto& b) {
    return Before(b->hash(), b->row(), a->hash(), a->row());
  };
  // The reader on top gave the last row; only now may its buffer move on.
  if (reading_back_ && !heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), after);
    absl::StatusOr<bool> more = heap_.back()->Advance(directory_);
    if (!more.ok()) return more.status();
    if (*more) {
      std::push_heap(heap_.begin(), heap_.end(), after);
    } else {
      heap_.pop_back();
    }
  }
  reading_back_ = true;
  return heap_.empty() ? nullptr : heap_.front()->row();
}

absl::Status ExternalSort::Spill() {
  const std::uint64_t begin = file_size_;
  SortItems();
  std::string buffer;
  buffer.reserve(kWriteBytes);
  while (OpenGroup()) {
    for (const Member& member : group_) {
      const std::size_t size = member.last + ReadHeader(member.row + member.last).row_size();
      if (buffer.size() + size > kWriteBytes) {
        if (absl::Status status = WriteFile(buffer); !status.ok()) return status;
        buffer.clear();
      }
      if (size > kWriteBytes) {
        if (absl::Status status = WriteFile({member.row, size}); !status.ok()) return status;
      } else {
        buffer.append(member.row, size);
      }
    }
  }
  if (absl::Status status = WriteFile(buffer); !status.ok()) return status;
  if (!items_.empty()) runs_.push_back({begin, file_size_});
  ForgetItems();
  return absl::OkStatus();
}

void ExternalSort::ForgetItems() {
  items_.Truncate(0);
  next_item_ = 0;
  group_.Clear(0);  // one may have been of all rows
  next_member_ = 0;
  large_.clear();
  large_bytes_ = 0;
  chunk_ = 0;
  chunk_used_ = 0;
}

void ExternalSort::Restart() {
  ForgetItems();
  rows_given_ = 0;
  reading_back_ = false;
  heap_.clear();
  kept_.clear();
  kept_bytes_ = 0;
  payload_.Clear(0);
  runs_.clear();
  if (file_ >= 0) close(file_);
  file_ = -1;
  file_size_ = 0;
}

absl::Status ExternalSort::NeedFile() {
  if (file_ >= 0) return absl::OkStatus();
  file_ = open(directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ >= 0) return absl::OkStatus();
  // Not every file system makes files without a name: make one and take its name away.
  std::string path = absl::StrCat(directory_, "/strata-sort.XXXXXX");
  file_ = mkostemp(path.data(), O_CLOEXEC);
  if (file_ < 0) return FileError("make", directory_, errno);
  unlink(path.c_str());
  return absl::OkStatus();
}

absl::Status ExternalSort::WriteFile(std::string_view bytes) {
  if (absl::Status status = NeedFile(); !status.ok()) return status;
  while (!bytes.empty()) {
    const ssize_t written =
        pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(file_size_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("write", directory_, errno);
    file_size_ += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace strata
