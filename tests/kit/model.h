// The plain truth that every layout is compared with: a std::map of std::map of std::vector, in
// which each operation does the obvious thing.
//
// Invariant: counts() are those of content().
// Threads: one at a time.
#ifndef STRATA_TESTS_KIT_MODEL_H_
#define STRATA_TESTS_KIT_MODEL_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "bench/baselines/layout.h"
#include "tests/kit/operation.h"

#include <strata/footprint.h>

namespace strata::kit {

/// All that a caller learns from an operation. Fields that its kind does not give stay empty.
struct Outcome {
  absl::StatusCode code = absl::StatusCode::kOk;
  bool found = false;
  std::string value = {};  ///< of kLookup
  OwnedList list = {};     ///< of kVisitEntry
  Content content = {};    ///< of kVisit
  std::string fault = {};  ///< a visitor called in a wrong order, or twice for one key; else empty
};

class Model {
 public:
  Outcome Apply(const Operation& operation);

  const Content& content() const { return content_; }
  const Counts& counts() const { return counts_; }
  /// The entry's list, null where there is no such entry.
  const OwnedList* Find(const std::string& outer, const std::string& inner) const;

 private:
  OwnedList* Find(const std::string& outer, const std::string& inner);
  OwnedList& Make(const std::string& outer, const std::string& inner);
  absl::StatusCode ChangeRecord(const Operation& operation);
  Outcome Lookup(const Operation& operation) const;
  bool Delete(const std::string& outer, const std::string& inner);
  bool DeleteOuter(const std::string& outer);

  Content content_;
  Counts counts_;
};

/// The record with every key once, the obvious way: the first one's place, the last one's value.
OwnedRecord NaiveUniqueKeys(const OwnedRecord& record);

/// Applies the operation to a layout. Its arguments are overwritten before this returns, so that
/// a layout that keeps a view of them is found out.
Outcome Apply(const Operation& operation, Layout& layout);

/// Content of a layout, `fault` as in Outcome.
Content ReadContent(const Layout& layout, std::string* fault);

/// Sorts each record by key: for layouts that have an order of their own.
void SortKeys(OwnedList* list);
void SortKeys(Content* content);

/// Where two contents differ, in words; nothing where they are equal.
std::optional<std::string> Difference(const OwnedList& expected, const OwnedList& actual);
std::optional<std::string> Difference(const Content& expected, const Content& actual);

}  // namespace strata::kit

#endif  // STRATA_TESTS_KIT_MODEL_H_
