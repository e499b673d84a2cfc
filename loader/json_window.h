// A refillable window over a byte stream: the unread bytes lie in one piece.
//
//     buffer_  [ kFrontBytes | read ... | unread: at() .. end() | free | kBackBytes ]
//
// The bytes in front of at() that were read already, at least kFrontBytes of them, may be written
// over: pieces of a list get their brackets there. Up to kBackBytes behind end() may be read (their
// values mean nothing), which is what simdjson wants.
//
// Threads: one at a time. May throw std::bad_alloc.
#ifndef STRATA_LOADER_JSON_WINDOW_H_
#define STRATA_LOADER_JSON_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

#include "loader/byte_stream.h"
#include "loader/growing_array.h"

namespace strata {

class JsonWindow {
 public:
  static constexpr std::size_t kFrontBytes = 16;
  static constexpr std::size_t kBackBytes = 80;  // 64 for simdjson, behind closing brackets

  JsonWindow(std::unique_ptr<ByteStream> stream, std::size_t size_bytes)
      : stream_(std::move(stream)), size_bytes_(size_bytes) {}

  const char* at() const { return buffer_.data() + begin_; }
  const char* end() const { return buffer_.data() + end_; }
  char* mutable_at() { return buffer_.data() + begin_; }
  std::size_t size() const { return end_ - begin_; }
  std::string_view unread() const { return {at(), size()}; }
  /// Of at() in the unpacked text.
  std::uint64_t offset() const { return offset_; }

  void Skip(std::size_t count) {
    begin_ += count;
    offset_ += count;
  }

  /// Reads on behind end(); false at the end of the input. Moves the unread bytes, and makes the
  /// window larger where they fill it: pointers into it are invalid afterwards.
  absl::StatusOr<bool> More();

  const ByteStream& stream() const { return *stream_; }

 private:
  void MakeRoom();

  std::unique_ptr<ByteStream> stream_;
  const std::size_t size_bytes_;
  GrowingArray<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  bool at_end_ = false;
};

}  // namespace strata

#endif  // STRATA_LOADER_JSON_WINDOW_H_
