// A profile of pprof's format, unpacked and read by protobuf, for tests.
//
// Threads: pure functions.
#ifndef STRATA_TESTS_ACCOUNTING_REPORT_READ_PROFILE_H_
#define STRATA_TESTS_ACCOUNTING_REPORT_READ_PROFILE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace strata {

/// A profile with its numbers turned into names.
struct ReadProfile {
  std::vector<std::string> types;  // "total/bytes"
  std::string default_type;
  std::map<std::string, std::vector<std::int64_t>> samples;  // by "leaf < caller < …"
  std::vector<std::string> comments;
  std::int64_t time_ns = 0;
};

/// What `packed`, gzip of a profile.proto, holds; a test fails where it is none.
ReadProfile ReadPprof(const std::string& packed);

}  // namespace strata

#endif  // STRATA_TESTS_ACCOUNTING_REPORT_READ_PROFILE_H_
