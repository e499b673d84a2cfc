// What the JSON reader is compared with: simdjson's DOM over the whole input at once, walked
// naively; and what tests need around both: content in std::map, a target that fills it, a stream
// over a string.
#ifndef STRATA_TESTS_LOADER_JSON_REFERENCE_H_
#define STRATA_TESTS_LOADER_JSON_REFERENCE_H_

#include <cstddef>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include <strata/json_source.h>
#include <strata/load.h>

#include "loader/byte_stream.h"
#include "loader/json_tuning.h"

namespace strata {

using ModelRecord = std::vector<std::pair<std::string, std::string>>;
using ModelEntries = std::map<std::string, std::vector<ModelRecord>, std::less<>>;
using Content = std::map<std::string, ModelEntries, std::less<>>;

/// Content as a target. Of keys that repeat within a record the last value and the first place
/// stay.
class ContentTarget final : public Target {
 public:
  Content content;
  /// How often an outer was deleted.
  int deleted_outers = 0;

  bool empty() const override { return content.empty(); }
  bool HasOuter(std::string_view outer) const override { return content.contains(outer); }
  absl::Status Put(std::string_view outer, std::string_view inner,
                   const RecordsView& records) override;
  absl::Status PutOuter(std::string_view outer) override;
  bool Delete(std::string_view outer, std::string_view inner) override;
  bool DeleteOuter(std::string_view outer) override;
  void Clear() override { content.clear(); }
};

/// Text as a stream, at most `step` bytes a call.
class TextStream final : public ByteStream {
 public:
  explicit TextStream(std::string_view text, std::size_t step = static_cast<std::size_t>(-1))
      : text_(text), step_(step) {}

  absl::StatusOr<std::size_t> Read(std::span<char> out) override;
  std::uint64_t bytes_read() const override { return read_; }
  std::uint64_t bytes_total() const override { return text_.size(); }

 private:
  const std::string text_;
  const std::size_t step_;
  std::size_t read_ = 0;
};

/// All sizes as small as they go: cuts wherever one can be.
JsonTuning TinyTuning(std::size_t size);

/// The content that the reader under test finds in `text`, or its error.
absl::StatusOr<Content> LoadText(std::string_view text, const JsonOptions& options = {},
                                 const JsonTuning& tuning = {},
                                 std::size_t step = static_cast<std::size_t>(-1));

enum class Verdict {
  kAccepted,
  kRefused,
  kUnknown,  ///< the reference itself cannot tell: a number beyond double beside the root
};

/// The reference's answer. `options.root` is a pointer without ~ in it.
Verdict ReadByReference(std::string_view text, const JsonOptions& options, Content* content);

}  // namespace strata

#endif  // STRATA_TESTS_LOADER_JSON_REFERENCE_H_
