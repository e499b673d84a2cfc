// A typed operation on a layout, as a value: made by a generator, applied to a layout and to the
// model alike, printed as C++ that can be pasted into a test.
//
// Threads: plain values; not shared.
#ifndef STRATA_TESTS_KIT_OPERATION_H_
#define STRATA_TESTS_KIT_OPERATION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <strata/record.h>

namespace strata::kit {

/// Content that owns its strings.
using OwnedRecord = std::vector<std::pair<std::string, std::string>>;
using OwnedList = std::vector<OwnedRecord>;
using Content = std::map<std::string, std::map<std::string, OwnedList>>;

/// One call. Fields that its kind does not name are empty.
struct Operation {
  enum class Kind : std::uint8_t {
    kPut,            ///< outer, inner, records
    kAppend,         ///< outer, inner, records[0]
    kAppendRecords,  ///< outer, inner, records; index is the hint: how many times as long
    kUpdateRecord,   ///< outer, inner, index, records[0]
    kInsertRecord,   ///< outer, inner, index, records[0]
    kRemoveRecord,   ///< outer, inner, index
    kPutOuter,       ///< outer
    kDelete,         ///< outer, inner
    kDeleteOuter,    ///< outer
    kClear,          ///<
    kMaintain,       ///<
    kHasOuter,       ///< outer
    kLookup,         ///< outer, inner, index, key
    kVisitEntry,     ///< outer, inner
    kVisit,          ///< everything
  };
  static constexpr std::size_t kKinds = 15;

  Kind kind = Kind::kVisit;
  std::string outer = {};
  std::string inner = {};
  std::size_t index = 0;
  std::string key = {};
  OwnedList records = {};

  friend bool operator==(const Operation&, const Operation&) = default;
};

/// Whether the kind takes such an argument.
bool TakesInner(Operation::Kind kind);
bool TakesIndex(Operation::Kind kind);
/// Whether it takes a list of them.
bool TakesRecords(Operation::Kind kind);
/// Whether it takes one record, which is records[0].
bool TakesRecord(Operation::Kind kind);

/// `records` as a layout takes them; views into it.
Records ViewOf(std::span<const OwnedRecord> records);
/// One record as a layout takes it; views into it.
std::vector<Pair> ViewOf(const OwnedRecord& record);

/// A C++ literal of these bytes: "abc"sv, with octal escapes, and long runs of one byte as
/// std::string(n, c).
std::string ToText(std::string_view bytes);
std::string ToText(const OwnedRecord& record);
std::string ToText(const OwnedList& list);
/// One statement, without a line break: layout->Append("a"sv, "b"sv, …);
std::string ToText(const Operation& operation);
/// One statement a line.
std::string ToText(std::span<const Operation> operations);

}  // namespace strata::kit

#endif  // STRATA_TESTS_KIT_OPERATION_H_
