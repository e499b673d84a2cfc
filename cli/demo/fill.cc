// strata-demo-fill: turns a JSON document on standard input into rows on standard output, for
// LOAD DATA: outer, inner, the record's index, key, value, separated by tabs, escaped as LOAD DATA
// reads them by default. A record without pairs is a row without key and value. Entries without
// records leave no row.
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"

#include <strata/json_source.h>
#include <strata/source.h>

namespace {

constexpr std::string_view kNull = "\\N";

void AppendField(std::string_view text, std::string* row) {
  for (const char c : text) {
    switch (c) {
      case '\0':
        row->append("\\0");
        break;
      case '\t':
        row->append("\\t");
        break;
      case '\n':
        row->append("\\n");
        break;
      case '\\':
        row->append("\\\\");
        break;
      default:
        row->push_back(c);
    }
  }
}

void AppendEntry(const strata::Change& entry, std::string* rows) {
  std::string begin;
  AppendField(entry.outer, &begin);
  begin.push_back('\t');
  AppendField(entry.inner, &begin);
  for (std::size_t i = 0; i < entry.records.size(); ++i) {
    const std::string record = absl::StrCat(begin, "\t", i, "\t");
    const strata::RecordView pairs = entry.records[i];
    for (const strata::Pair& pair : pairs) {
      rows->append(record);
      AppendField(pair.key, rows);
      rows->push_back('\t');
      AppendField(pair.value, rows);
      rows->push_back('\n');
    }
    if (pairs.empty()) rows->append(record).append(kNull).append("\t").append(kNull).append("\n");
  }
}

int Fail(std::string_view message) {
  std::fprintf(stderr, "strata-demo-fill: %.*s\n", static_cast<int>(message.size()),
               message.data());
  return 1;
}

}  // namespace

int main() {
  absl::StatusOr<std::unique_ptr<strata::Source>> source =
      strata::OpenJsonFd(fileno(stdin), "standard input");
  if (!source.ok()) return Fail(std::string(source.status().message()));
  strata::Batch batch;
  std::string rows;
  while (true) {
    batch.Clear();
    if (absl::Status status = (*source)->Read(&batch); !status.ok()) {
      return Fail(std::string(status.message()));
    }
    if (batch.empty()) break;
    rows.clear();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const strata::Change change = batch[i];
      if (change.kind == strata::Change::Kind::kPutEntry) AppendEntry(change, &rows);
    }
    if (std::fwrite(rows.data(), 1, rows.size(), stdout) != rows.size()) break;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    return Fail("standard output cannot be written to; is the reader still there?");
  }
  return 0;
}
