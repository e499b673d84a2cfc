// gzip through zlib and zstd through libzstd. Both check what they unpack: zlib a member's CRC and
// length, libzstd a frame's checksum where it has one.
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "loader/byte_stream.h"
#include "loader/message_text.h"

namespace strata {
namespace {

constexpr std::size_t kPackedBufferBytes = std::size_t{64} << 10;

// What both have in common: a buffer of packed bytes and how far in the packed input it stands.
class UnpackingStream : public ByteStream {
 public:
  std::uint64_t bytes_read() const override { return packed_->bytes_read(); }
  std::uint64_t bytes_total() const override { return packed_->bytes_total(); }

 protected:
  UnpackingStream(std::unique_ptr<ByteStream> packed, std::string name)
      : packed_(std::move(packed)), name_(std::move(name)) {}

  // Packed bytes not taken yet, read anew where there are none; empty at the end.
  absl::StatusOr<std::span<const char>> Input() {
    if (next_ == end_) {
      absl::StatusOr<std::size_t> got = packed_->Read(buffer_);
      if (!got.ok()) return got.status();
      next_ = 0;
      end_ = *got;
    }
    return std::span<const char>(buffer_).subspan(next_, end_ - next_);
  }
  void Take(std::size_t count) {
    next_ += count;
    taken_ += count;
  }

  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(EscapeForMessage(name_, kLongMessageTextBytes),
                                                   ": packed byte ", taken_, ": ",
                                                   absl::string_view(what.data(), what.size())));
  }

 private:
  std::unique_ptr<ByteStream> packed_;
  const std::string name_;
  std::array<char, kPackedBufferBytes> buffer_;
  std::size_t next_ = 0;
  std::size_t end_ = 0;
  std::uint64_t taken_ = 0;
};

class GzipStream final : public UnpackingStream {
 public:
  GzipStream(std::unique_ptr<ByteStream> packed, std::string name)
      : UnpackingStream(std::move(packed), std::move(name)) {}
  ~GzipStream() override {
    if (ready_) inflateEnd(&inflate_);
  }

  absl::Status Begin() {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&inflate_, kGzipOnly) != Z_OK) return OutOfMemory();
    ready_ = true;
    return absl::OkStatus();
  }

  absl::StatusOr<std::size_t> Read(std::span<char> out) override {
    while (true) {
      absl::StatusOr<std::span<const char>> input = Input();
      if (!input.ok()) return input.status();
      if (input->empty()) {
        if (!in_member_ && members_ > 0) return 0;
        return Error(members_ == 0 && !in_member_ ? "the file is empty and holds no gzip member"
                                                  : "the gzip data is cut off: copy the file anew");
      }
      if (!in_member_) {
        if (members_ > 0 && static_cast<unsigned char>(input->front()) != 0x1f) {
          return Error("bytes that are no gzip member follow the last one: cut them off");
        }
        inflateReset(&inflate_);
        in_member_ = true;
      }
      inflate_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input->data()));
      inflate_.avail_in = static_cast<uInt>(input->size());
      inflate_.next_out = reinterpret_cast<Bytef*>(out.data());
      const auto room = static_cast<uInt>(std::min<std::size_t>(out.size(), 1U << 30));
      inflate_.avail_out = room;
      const int result = inflate(&inflate_, Z_NO_FLUSH);
      Take(input->size() - inflate_.avail_in);
      if (result == Z_MEM_ERROR) return OutOfMemory();
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return Error(absl::StrCat("corrupt gzip data (",
                                  inflate_.msg != nullptr ? inflate_.msg : "unknown",
                                  "): copy or pack the file anew"));
      }
      if (result == Z_STREAM_END) {
        in_member_ = false;
        ++members_;
      }
      const std::size_t made = room - inflate_.avail_out;
      if (made > 0) return made;
    }
  }

 private:
  z_stream inflate_{};
  bool ready_ = false;
  bool in_member_ = false;
  std::uint64_t members_ = 0;
};

class ZstdStream final : public UnpackingStream {
 public:
  ZstdStream(std::unique_ptr<ByteStream> packed, std::string name)
      : UnpackingStream(std::move(packed), std::move(name)) {}
  ~ZstdStream() override { ZSTD_freeDStream(stream_); }

  absl::Status Begin() {
    stream_ = ZSTD_createDStream();
    return stream_ == nullptr ? OutOfMemory() : absl::OkStatus();
  }

  absl::StatusOr<std::size_t> Read(std::span<char> out) override {
    while (true) {
      // A full buffer last time may have left output behind that needs no more input.
      absl::StatusOr<std::span<const char>> input = Input();
      if (!input.ok()) return input.status();
      ZSTD_inBuffer in{input->data(), input->size(), 0};
      ZSTD_outBuffer made{out.data(), out.size(), 0};
      if (in.size == 0 && !in_frame_) {
        if (any_frame_) return 0;
        return Error("the file is empty and holds no zstd frame");
      }
      const std::size_t result = ZSTD_decompressStream(stream_, &made, &in);
      Take(in.pos);
      if (ZSTD_isError(result)) return Failed(result);
      any_frame_ = true;
      in_frame_ = result != 0;
      if (made.pos > 0) return made.pos;
      if (in.size == 0 && in_frame_) {
        return Error("the zstd data is cut off: copy the file anew");
      }
    }
  }

 private:
  absl::Status Failed(std::size_t result) const {
    switch (ZSTD_getErrorCode(result)) {
      case ZSTD_error_memory_allocation:
        return OutOfMemory();
      case ZSTD_error_frameParameter_windowTooLarge:
        return Error("packed with a window beyond 128 MiB: pack it anew with --long=27 or less");
      case ZSTD_error_prefix_unknown:
        if (any_frame_) {
          return Error("bytes that are no zstd frame follow the last one: cut them off");
        }
        [[fallthrough]];
      default:
        return Error(absl::StrCat("corrupt zstd data (", ZSTD_getErrorName(result),
                                  "): copy or pack the file anew"));
    }
  }

  ZSTD_DStream* stream_ = nullptr;
  bool in_frame_ = false;
  bool any_frame_ = false;
};

template <class Stream>
absl::StatusOr<std::unique_ptr<ByteStream>> MakeUnpacking(std::unique_ptr<ByteStream> packed,
                                                          std::string name) {
  auto stream = std::make_unique<Stream>(std::move(packed), std::move(name));
  absl::Status begun = stream->Begin();
  if (!begun.ok()) return begun;
  return std::unique_ptr<ByteStream>(std::move(stream));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteStream>> Unpack(std::unique_ptr<ByteStream> packed,
                                                   Packing packing, std::string name) {
  switch (packing) {
    case Packing::kGzip:
      return MakeUnpacking<GzipStream>(std::move(packed), std::move(name));
    case Packing::kZstd:
      return MakeUnpacking<ZstdStream>(std::move(packed), std::move(name));
    case Packing::kNone:
      break;
  }
  return packed;
}

}  // namespace strata
