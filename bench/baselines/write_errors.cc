#include "bench/baselines/write_errors.h"

#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace strata {
namespace {

constexpr std::uint64_t kMaxCount = std::numeric_limits<std::uint32_t>::max();

// A name as a message shows it: any bytes made readable, the tail of a long one left out.
std::string Shown(std::string_view name) {
  constexpr std::size_t kShownBytes = 60;
  const std::string_view head = name.substr(0, kShownBytes);
  return absl::StrCat("'", absl::CHexEscape(absl::string_view(head.data(), head.size())), "'",
                      head.size() < name.size() ? "…" : "");
}

std::string ShownEntry(std::string_view outer, std::string_view inner) {
  return absl::StrCat("entry (", Shown(outer), ", ", Shown(inner), ")");
}

absl::Status CheckString(const char* what, std::string_view string) {
  if (string.size() <= kMaxCount) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " of ", string.size(),
                                                 " bytes: a string must be shorter than 4 GiB; "
                                                 "split it or leave it out"));
}

absl::Status CheckPairs(std::string_view outer, std::string_view inner, RecordView record) {
  if (record.size() > kMaxCount) {
    return absl::ResourceExhaustedError(absl::StrCat(ShownEntry(outer, inner), ": a record of ",
                                                     record.size(),
                                                     " pairs: at most 2^32 - 1; split the record"));
  }
  for (const Pair& pair : record) {
    if (absl::Status status = CheckString("a key", pair.key); !status.ok()) return status;
    if (absl::Status status = CheckString("a value", pair.value); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckWritable(std::string_view outer, std::string_view inner) {
  if (absl::Status status = CheckString("an outer key", outer); !status.ok()) return status;
  return CheckString("an inner key", inner);
}

absl::Status CheckWritable(std::string_view outer, std::string_view inner, RecordView record) {
  if (absl::Status status = CheckWritable(outer, inner); !status.ok()) return status;
  return CheckPairs(outer, inner, record);
}

absl::Status CheckWritable(std::string_view outer, std::string_view inner,
                           const RecordsView& records) {
  if (absl::Status status = CheckWritable(outer, inner); !status.ok()) return status;
  if (records.size() > kMaxCount) {
    return absl::ResourceExhaustedError(absl::StrCat(ShownEntry(outer, inner), ": a list of ",
                                                     records.size(),
                                                     " records: at most 2^32 - 1; split the list"));
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (absl::Status status = CheckPairs(outer, inner, records[i]); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status NoSuchEntry(std::string_view outer, std::string_view inner) {
  return absl::NotFoundError(
      absl::StrCat(ShownEntry(outer, inner), " does not exist; make it with Put or Append"));
}

absl::Status NoSuchRecord(std::string_view outer, std::string_view inner, std::size_t index,
                          std::size_t size) {
  return absl::OutOfRangeError(absl::StrCat(ShownEntry(outer, inner), " has ", size,
                                            " records; there is no index ", index,
                                            "; ask for its record count first"));
}

}  // namespace strata
