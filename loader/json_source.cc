#include <strata/json_source.h>

#include <new>
#include <utility>

#include "loader/byte_stream.h"
#include "loader/json_reader.h"
#include "loader/message_text.h"

namespace strata {

std::optional<JsonOptions::Form> JsonFormOf(std::string_view path) {
  if (path.ends_with(".gz")) {
    path.remove_suffix(3);
  } else if (path.ends_with(".zst")) {
    path.remove_suffix(4);
  }
  if (path.ends_with(".json")) return JsonOptions::Form::kDocument;
  if (path.ends_with(".ndjson") || path.ends_with(".jsonl")) return JsonOptions::Form::kLines;
  return std::nullopt;
}

absl::StatusOr<std::unique_ptr<Source>> OpenJsonFile(const std::string& path,
                                                     const JsonOptions& options) {
  try {
    absl::StatusOr<std::unique_ptr<ByteStream>> stream = OpenFileStream(path);
    if (!stream.ok()) return stream.status();
    return JsonReader::Make(std::move(*stream), path, options);
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
}

absl::StatusOr<std::unique_ptr<Source>> OpenJsonFd(int fd, const std::string& name,
                                                   const JsonOptions& options) {
  try {
    return JsonReader::Make(MakeFdStream(fd, name), name, options);
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
}

}  // namespace strata
