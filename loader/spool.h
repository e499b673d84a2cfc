// A file of changes: what is read once from standard input or MySQL is written down, so that every
// layout of a comparison loads the same.
//
// Layout, all numbers little-endian, lengths in bytes:
//
//     file    "STRSPL01"  change*  end
//     change  u8 kind  u32 outer length  u32 inner length  u64 records  u64 pairs
//             outer  inner  record*                         records and pairs: of kPutEntry only
//     record  u32 pairs  pair*
//     pair    u32 key length  u32 value length  key  value
//     end     u8 0xff  u64 changes
//
// A spool lives as long as the process that wrote it; the format has no promise beyond. Still a
// reader trusts nothing: a length that leaves the file is an error, not an allocation.
//
// Threads: a writer and a reader are each used by one thread; any number of readers, of any
// processes, may read one finished file.
#ifndef STRATA_LOADER_SPOOL_H_
#define STRATA_LOADER_SPOOL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <strata/source.h>

namespace strata {

class SpoolWriter {
 public:
  /// Writes into `fd`, which stays the caller's, from its beginning; it must be a file.
  explicit SpoolWriter(int fd);

  /// Appends all changes of the batch. ResourceExhausted: the disk is full or out of memory;
  /// InvalidArgument: a string or record beyond the format. After an error it is done.
  absl::Status Append(const Batch& batch);
  /// Completes the file. Without it a reader reports a file that is cut off.
  absl::Status Finish();

 private:
  absl::Status Put(const Change& change);
  absl::Status Flush();

  const int fd_;
  std::string out_;
  std::uint64_t offset_ = 0;
  std::uint64_t changes_ = 0;
};

/// Reads a finished spool from its beginning; `fd` stays the caller's and its position is left
/// alone. `name` is what the content's source is called. DataLoss: it is no spool, cut off or
/// corrupt.
absl::StatusOr<std::unique_ptr<Source>> OpenSpool(int fd, const std::string& name);

}  // namespace strata

#endif  // STRATA_LOADER_SPOOL_H_
