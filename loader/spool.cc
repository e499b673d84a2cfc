#include "loader/spool.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

#include "loader/message_text.h"

namespace strata {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

constexpr std::string_view kMagic = "STRSPL01";
constexpr std::uint8_t kEnd = 0xff;
constexpr std::size_t kBufferBytes = std::size_t{256} << 10;
constexpr std::size_t kBatchBytes = std::size_t{512} << 10;
constexpr std::size_t kMost32 = std::numeric_limits<std::uint32_t>::max();

template <class Number>
void PutNumber(std::string* out, Number number) {
  out->append(reinterpret_cast<const char*>(&number), sizeof number);
}

// The kinds as they are written; never renumbered within a version of the magic.
absl::StatusOr<std::uint8_t> KindToByte(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::kPutOuter:
      return 1;
    case Change::Kind::kOpenOuter:
      return 2;
    case Change::Kind::kDeleteOuter:
      return 3;
    case Change::Kind::kPutEntry:
      return 4;
    case Change::Kind::kDeleteEntry:
      return 5;
    case Change::Kind::kAppendEntry:  // nobody asks for parts to spool them
      break;
    case Change::Kind::kDropAll:
      return 6;
  }
  return absl::InternalError("a change of unknown kind");
}

absl::Status TooLong(const Change& change) {
  return absl::InvalidArgumentError(
      absl::StrCat("entry ", QuoteForMessage(change.outer), " / ", QuoteForMessage(change.inner),
                   ": a string or a record of 2^32 or more: split it"));
}

}  // namespace

SpoolWriter::SpoolWriter(int fd) : fd_(fd) {}

absl::Status SpoolWriter::Flush() {
  std::string_view rest = out_;
  while (!rest.empty()) {
    const ssize_t wrote = pwrite(fd_, rest.data(), rest.size(), static_cast<off_t>(offset_));
    if (wrote < 0) {
      if (errno == EINTR) continue;
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot spool the source to a temporary "
                                                     "file: make room where TMPDIR leads"));
    }
    offset_ += static_cast<std::uint64_t>(wrote);
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  out_.clear();
  if (out_.capacity() > 16 * kBufferBytes) out_ = std::string();
  return absl::OkStatus();
}

absl::Status SpoolWriter::Put(const Change& change) {
  if (change.outer.size() > kMost32 || change.inner.size() > kMost32) return TooLong(change);
  absl::StatusOr<std::uint8_t> kind = KindToByte(change.kind);
  if (!kind.ok()) return kind.status();
  PutNumber(&out_, *kind);
  PutNumber(&out_, static_cast<std::uint32_t>(change.outer.size()));
  PutNumber(&out_, static_cast<std::uint32_t>(change.inner.size()));
  PutNumber(&out_, static_cast<std::uint64_t>(change.records.size()));
  PutNumber(&out_, static_cast<std::uint64_t>(change.records.pair_count()));
  out_.append(change.outer).append(change.inner);
  for (std::size_t i = 0; i < change.records.size(); ++i) {
    const RecordView record = change.records[i];
    if (record.size() > kMost32) return TooLong(change);
    PutNumber(&out_, static_cast<std::uint32_t>(record.size()));
    for (const Pair& pair : record) {
      if (pair.key.size() > kMost32 || pair.value.size() > kMost32) return TooLong(change);
      PutNumber(&out_, static_cast<std::uint32_t>(pair.key.size()));
      PutNumber(&out_, static_cast<std::uint32_t>(pair.value.size()));
      out_.append(pair.key).append(pair.value);
      if (out_.size() >= kBufferBytes) {
        if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
      }
    }
    if (out_.size() >= kBufferBytes) {
      if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
    }
  }
  ++changes_;
  return absl::OkStatus();
}

absl::Status SpoolWriter::Append(const Batch& batch) {
  try {
    if (offset_ == 0 && out_.empty()) out_.append(kMagic);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (absl::Status put = Put(batch[i]); !put.ok()) return put;
      if (out_.size() < kBufferBytes) continue;
      if (absl::Status flushed = Flush(); !flushed.ok()) return flushed;
    }
    return absl::OkStatus();
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
}

absl::Status SpoolWriter::Finish() {
  try {
    if (offset_ == 0 && out_.empty()) out_.append(kMagic);
    PutNumber(&out_, kEnd);
    PutNumber(&out_, changes_);
    return Flush();
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
}

namespace {

class SpoolSource final : public Source {
 public:
  SpoolSource(int fd, std::string name, std::uint64_t size)
      : fd_(fd), name_(std::move(name)), size_(size) {}

  absl::Status Open() {
    if (size_ < kMagic.size()) return Corrupt("no spool");
    absl::StatusOr<std::string_view> magic = Take(kMagic.size());
    if (!magic.ok()) return magic.status();
    return *magic == kMagic ? absl::OkStatus() : Corrupt("no spool, or of another version");
  }

  absl::Status Read(Batch* batch) override {
    if (!failed_.ok() || done_) return failed_;
    try {
      while (!done_ && failed_.ok() && batch->memory_bytes() < kBatchBytes) {
        failed_ = ReadChange(batch);
      }
    } catch (const std::bad_alloc&) {
      failed_ = OutOfMemory();
    }
    if (!failed_.ok()) batch->Truncate(batch->size());
    return failed_;
  }
  std::string name() const override { return name_; }
  SourceProgress progress() const override {
    return {.bytes_read = TakenBytes(), .bytes_total = size_};
  }

 private:
  std::uint64_t TakenBytes() const { return read_ - (buffer_.size() - next_); }
  std::uint64_t BytesLeft() const { return size_ - TakenBytes(); }

  absl::Status Corrupt(std::string_view what) const {
    return absl::DataLossError(
        absl::StrCat(EscapeForMessage(name_, kLongMessageTextBytes), ": spool byte ", TakenBytes(),
                     ": ", absl::string_view(what.data(), what.size()), ": run it again"));
  }

  // The next `count` bytes; valid until the next call.
  absl::StatusOr<std::string_view> Take(std::uint64_t count) {
    if (count > BytesLeft()) return Corrupt("cut off");
    const auto wanted = static_cast<std::size_t>(count);
    if (buffer_.size() - next_ < wanted) {
      if (absl::Status filled = Fill(wanted); !filled.ok()) return filled;
    }
    const std::string_view taken = std::string_view(buffer_).substr(next_, wanted);
    next_ += wanted;
    return taken;
  }

  absl::Status Fill(std::size_t wanted) {
    buffer_.erase(0, next_);
    next_ = 0;
    if (buffer_.capacity() > 16 * kBufferBytes && wanted < kBufferBytes) buffer_.shrink_to_fit();
    const std::uint64_t rest = size_ - read_;
    const std::size_t missing = wanted - buffer_.size();
    std::size_t got = buffer_.size();
    buffer_.resize(got + static_cast<std::size_t>(
                             std::min<std::uint64_t>(rest, std::max(missing, kBufferBytes))));
    while (got < wanted) {
      const ssize_t count =
          pread(fd_, buffer_.data() + got, buffer_.size() - got, static_cast<off_t>(read_));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        const int error = errno;
        buffer_.resize(got);
        return absl::ErrnoToStatus(error, absl::StrCat(name_, ": cannot read the spool"));
      }
      if (count == 0) {
        buffer_.resize(got);
        return Corrupt("cut off");
      }
      got += static_cast<std::size_t>(count);
      read_ += static_cast<std::uint64_t>(count);
    }
    buffer_.resize(got);
    return absl::OkStatus();
  }

  template <class Number>
  absl::Status TakeNumber(Number* number) {
    absl::StatusOr<std::string_view> bytes = Take(sizeof *number);
    if (!bytes.ok()) return bytes.status();
    std::memcpy(number, bytes->data(), sizeof *number);
    return absl::OkStatus();
  }

  absl::Status ReadChange(Batch* batch) {
    std::uint8_t kind = 0;
    if (absl::Status taken = TakeNumber(&kind); !taken.ok()) return taken;
    if (kind == kEnd) {
      std::uint64_t changes = 0;
      if (absl::Status taken = TakeNumber(&changes); !taken.ok()) return taken;
      if (changes != changes_ || BytesLeft() != 0) return Corrupt("the end does not fit");
      done_ = true;
      return absl::OkStatus();
    }
    struct Head {
      std::uint32_t outer_bytes;
      std::uint32_t inner_bytes;
      std::uint64_t records;
      std::uint64_t pairs;
    } head;
    static_assert(sizeof(Head) == 24, "as written");
    if (absl::Status taken = TakeNumber(&head); !taken.ok()) return taken;
    absl::StatusOr<std::string_view> keys =
        Take(std::uint64_t{head.outer_bytes} + head.inner_bytes);
    if (!keys.ok()) return keys.status();
    const std::string_view outer = keys->substr(0, head.outer_bytes);
    const std::string_view inner = keys->substr(head.outer_bytes);
    ++changes_;
    switch (kind) {
      case 1:
        batch->AddOuterChange(Change::Kind::kPutOuter, outer);
        break;
      case 2:
        batch->AddOuterChange(Change::Kind::kOpenOuter, outer);
        break;
      case 3:
        batch->AddOuterChange(Change::Kind::kDeleteOuter, outer);
        break;
      case 4:
        batch->BeginEntry(outer, inner);
        return ReadRecords(head.records, head.pairs, batch);
      case 5:
        batch->AddDeleteEntry(outer, inner);
        break;
      case 6:
        batch->AddOuterChange(Change::Kind::kDropAll, outer);
        break;
      default:
        return Corrupt("a change of unknown kind");
    }
    return absl::OkStatus();
  }

  absl::Status ReadRecords(std::uint64_t records, std::uint64_t pairs, Batch* batch) {
    std::uint64_t pairs_seen = 0;
    for (std::uint64_t i = 0; i < records; ++i) {
      std::uint32_t count = 0;
      if (absl::Status taken = TakeNumber(&count); !taken.ok()) return taken;
      batch->BeginRecord();
      pairs_seen += count;
      for (std::uint32_t j = 0; j < count; ++j) {
        std::uint32_t sizes[2] = {};
        if (absl::Status taken = TakeNumber(&sizes); !taken.ok()) return taken;
        absl::StatusOr<std::string_view> text = Take(std::uint64_t{sizes[0]} + sizes[1]);
        if (!text.ok()) return text.status();
        batch->AddPair(text->substr(0, sizes[0]), text->substr(sizes[0]));
      }
    }
    if (pairs_seen != pairs) return Corrupt("records and pairs do not fit");
    batch->EndEntry();
    return absl::OkStatus();
  }

  const int fd_;
  const std::string name_;
  const std::uint64_t size_;
  std::string buffer_;
  std::size_t next_ = 0;    // in the buffer, not taken yet
  std::uint64_t read_ = 0;  // of the file, into the buffer
  std::uint64_t changes_ = 0;
  bool done_ = false;
  absl::Status failed_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Source>> OpenSpool(int fd, const std::string& name) {
  try {
    struct stat info;
    if (fstat(fd, &info) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat(name, ": cannot read the spool"));
    }
    auto source = std::make_unique<SpoolSource>(fd, name, static_cast<std::uint64_t>(info.st_size));
    if (absl::Status opened = source->Open(); !opened.ok()) return opened;
    return std::unique_ptr<Source>(std::move(source));
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
}

}  // namespace strata
