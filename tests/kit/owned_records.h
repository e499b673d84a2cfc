// A list of records with the texts it is made of: Records alone holds views.
//
// Threads: plain values.
#ifndef STRATA_TESTS_KIT_OWNED_RECORDS_H_
#define STRATA_TESTS_KIT_OWNED_RECORDS_H_

#include <deque>
#include <string>
#include <utility>

#include <strata/record.h>

namespace strata::kit {

class OwnedRecords {
 public:
  OwnedRecords() = default;
  OwnedRecords(OwnedRecords&&) = default;  // a deque's elements stay where they are
  OwnedRecords(const OwnedRecords&) = delete;
  OwnedRecords& operator=(const OwnedRecords&) = delete;

  void BeginRecord() { records_.BeginRecord(); }
  void AddPair(std::string key, std::string value) {
    const std::string& kept_key = texts_.emplace_back(std::move(key));
    records_.AddPair(kept_key, texts_.emplace_back(std::move(value)));
  }
  /// Good as long as this is.
  const Records& records() const { return records_; }

 private:
  std::deque<std::string> texts_;
  Records records_;
};

}  // namespace strata::kit

#endif  // STRATA_TESTS_KIT_OWNED_RECORDS_H_
