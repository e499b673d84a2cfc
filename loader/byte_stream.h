// Bytes in order from somewhere: a file, a descriptor, either of them packed. The JSON reader sees
// nothing else of where its input comes from.
//
// Threads: one at a time.
#ifndef STRATA_LOADER_BYTE_STREAM_H_
#define STRATA_LOADER_BYTE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace strata {

class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// Fills a part of `out`, which is not empty, and returns how many bytes; 0 is the end. After an
  /// error it is done. Errors name the stream and, of a packed one, the place. May throw
  /// std::bad_alloc.
  virtual absl::StatusOr<std::size_t> Read(std::span<char> out) = 0;

  /// Bytes read of the input as stored, packed if it is packed.
  virtual std::uint64_t bytes_read() const = 0;
  /// Of the input as stored; 0 where it is not known.
  virtual std::uint64_t bytes_total() const = 0;
};

enum class Packing { kNone, kGzip, kZstd };

/// By the name's end: ".gz", ".zst".
Packing PackingOf(std::string_view path);

/// The file, unpacked as its name says. NotFound, PermissionDenied or another error with the name.
absl::StatusOr<std::unique_ptr<ByteStream>> OpenFileStream(const std::string& path);

/// Reads `fd` from where it stands, unpacking nothing; `fd` stays the caller's and open. `name` is
/// for messages.
std::unique_ptr<ByteStream> MakeFdStream(int fd, std::string name);

/// `packed` unpacked. Members and frames may follow one another; anything else behind them is an
/// error, as are input that is cut off and a checksum that does not fit. zstd windows beyond
/// 128 MiB (--long=28 and more) are refused: bounded memory.
absl::StatusOr<std::unique_ptr<ByteStream>> Unpack(std::unique_ptr<ByteStream> packed,
                                                   Packing packing, std::string name);

}  // namespace strata

#endif  // STRATA_LOADER_BYTE_STREAM_H_
