#include "cache/write_checks.h"

#include <new>

#include "absl/strings/str_cat.h"

namespace strata {
namespace {

absl::Status TooLong(const char* what, std::size_t length_bytes) {
  return absl::InvalidArgumentError(
      absl::StrCat("the ", what, " is ", length_bytes,
                   " bytes long; a string is shorter than 4 GiB: split it or leave it out"));
}

}  // namespace

absl::Status CheckLengths(std::string_view outer, std::string_view inner, RecordView pairs) {
  if (outer.size() >= kMaxStringBytes) return TooLong("outer key", outer.size());
  if (inner.size() >= kMaxStringBytes) return TooLong("inner key", inner.size());
  for (const Pair& pair : pairs) {
    if (pair.key.size() >= kMaxStringBytes) return TooLong("key", pair.key.size());
    if (pair.value.size() >= kMaxStringBytes) return TooLong("value", pair.value.size());
  }
  return absl::OkStatus();
}

absl::Status NoSuchEntry() {
  return absl::NotFoundError("there is no entry of these keys; Put or Append makes one");
}

absl::Status NoSuchRecord(std::size_t index, std::size_t size) {
  return absl::OutOfRangeError(
      absl::StrCat("record ", index, " of a list of ", size, ": give an index inside the list"));
}

absl::Status NoMemory(const char* what) noexcept {
  try {
    return absl::ResourceExhaustedError(what);
  } catch (const std::bad_alloc&) {
    return absl::Status(absl::StatusCode::kResourceExhausted, {});
  }
}

}  // namespace strata
