#include <strata/json_writer.h>

#include <simdjson.h>

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "loader/message_text.h"
#include "loader/utf8.h"

namespace strata {
namespace {

constexpr std::size_t kFlushBytes = std::size_t{64} << 10;

// A key as it is found by and as it is written; the same unless bytes had to be replaced.
struct WrittenKey {
  std::string key;
  std::string written;  // empty where `key` is valid
  bool replaced = false;

  const std::string& text() const { return replaced ? written : key; }
};

struct WrittenPair : WrittenKey {
  PairCursor pair;
};

// Where in the content the writer stands, for messages.
struct Place {
  const std::string* outer = nullptr;
  const std::string* inner = nullptr;
  std::size_t record = 0;
  bool in_record = false;

  std::string ToString() const {
    std::string text;
    if (outer != nullptr) absl::StrAppend(&text, "outer ", QuoteForMessage(*outer));
    if (inner != nullptr) absl::StrAppend(&text, ", inner ", QuoteForMessage(*inner));
    if (in_record) absl::StrAppend(&text, ", record ", record);
    return text.empty() ? "the outer keys" : text;
  }
};

class JsonTextWriter {
 public:
  JsonTextWriter(const Cache& cache, const TextSink& sink, const JsonWriteOptions& options)
      : cache_(cache), sink_(sink), options_(options) {}

  absl::Status WriteAll();
  absl::Status WriteOuter(const std::string& outer);
  absl::Status WriteEntry(const EntryReader& entry);
  absl::Status WriteRecord(const RecordReader& record);
  absl::Status Finish();

  Place place;

 private:
  absl::StatusOr<WrittenKey> MakeKey(std::string_view key) const;
  absl::StatusOr<std::string> Replaced(std::string_view text) const;
  template <class Key>
  absl::Status Sort(std::vector<Key>* keys) const;
  absl::Status WriteValue(std::string_view value);
  absl::Status Flush(std::size_t from_bytes);
  void WriteString(std::string_view text);

  const Cache& cache_;
  const TextSink& sink_;
  const JsonWriteOptions options_;
  std::string out_;
  std::vector<WrittenPair> pairs_;  // of the record that is being written
};

std::string ReplaceInvalid(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const Utf8Step step = NextUtf8(text);
    out.append(step.valid ? text.substr(0, step.size) : std::string_view("\xEF\xBF\xBD"));
    text.remove_prefix(step.size);
  }
  return out;
}

// `text`, which is not valid UTF-8, with its invalid parts replaced, or the error.
absl::StatusOr<std::string> JsonTextWriter::Replaced(std::string_view text) const {
  if (options_.replace_invalid_utf8) return ReplaceInvalid(text);
  return absl::InvalidArgumentError(
      absl::StrCat(place.ToString(), ": ", QuoteForMessage(text),
                   " is not UTF-8 and JSON can hold nothing else: say --replace-invalid-utf8 to "
                   "write U+FFFD for what is not"));
}

absl::StatusOr<WrittenKey> JsonTextWriter::MakeKey(std::string_view key) const {
  WrittenKey made{.key = std::string(key), .written = {}, .replaced = false};
  if (simdjson::validate_utf8(key.data(), key.size())) return made;
  absl::StatusOr<std::string> written = Replaced(key);
  if (!written.ok()) return written.status();
  made.written = std::move(*written);
  made.replaced = true;
  return made;
}

// By the bytes that are written; two equal ones cannot both be.
template <class Key>
absl::Status JsonTextWriter::Sort(std::vector<Key>* keys) const {
  std::sort(keys->begin(), keys->end(),
            [](const Key& a, const Key& b) { return a.text() < b.text(); });
  for (std::size_t i = 1; i < keys->size(); ++i) {
    if ((*keys)[i - 1].text() != (*keys)[i].text()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        place.ToString(), ": the keys ", QuoteForMessage((*keys)[i - 1].key), " and ",
        QuoteForMessage((*keys)[i].key),
        " are the same once what is not UTF-8 is replaced: rename or delete one of them"));
  }
  return absl::OkStatus();
}

absl::Status JsonTextWriter::WriteAll() {
  std::vector<WrittenKey> outers;
  outers.reserve(static_cast<std::size_t>(cache_.counts().outers));
  OuterCursor cursor;
  while (true) {
    const ReadGuard guard(cache_);
    if (!cursor.Next(guard)) break;
    absl::StatusOr<WrittenKey> key = MakeKey(cursor.outer());
    if (!key.ok()) return key.status();
    outers.push_back(std::move(*key));
  }
  // A cursor that has no memory to go on ends as one that is through.
  if (absl::Status through = cursor.status(); !through.ok()) return through;
  if (absl::Status sorted = Sort(&outers); !sorted.ok()) return sorted;
  out_.push_back('{');
  for (std::size_t i = 0; i < outers.size(); ++i) {
    if (i > 0) out_.push_back(',');
    WriteString(outers[i].text());
    out_.push_back(':');
    place = {.outer = &outers[i].key};
    if (absl::Status outer = WriteOuter(outers[i].key); !outer.ok()) return outer;
  }
  out_.push_back('}');
  return absl::OkStatus();
}

absl::Status JsonTextWriter::WriteOuter(const std::string& outer) {
  std::vector<WrittenKey> inners;
  EntryCursor cursor(outer);
  while (true) {
    const ReadGuard guard(cache_);
    if (!cursor.Next(guard)) break;
    absl::StatusOr<WrittenKey> key = MakeKey(cursor.inner());
    if (!key.ok()) return key.status();
    inners.push_back(std::move(*key));
  }
  if (absl::Status through = cursor.status(); !through.ok()) return through;
  if (absl::Status sorted = Sort(&inners); !sorted.ok()) return sorted;
  out_.push_back('{');
  for (std::size_t i = 0; i < inners.size(); ++i) {
    if (i > 0) out_.push_back(',');
    WriteString(inners[i].text());
    out_.push_back(':');
    place.inner = &inners[i].key;
    const ReadGuard guard(cache_);
    const EntryReader entry = guard.Get(outer, inners[i].key);
    if (!entry)
      return absl::AbortedError("the cache was changed while it was written: write again");
    if (absl::Status written = WriteEntry(entry); !written.ok()) return written;
  }
  place.inner = nullptr;
  out_.push_back('}');
  return Flush(kFlushBytes);
}

absl::Status JsonTextWriter::WriteEntry(const EntryReader& entry) {
  out_.push_back('[');
  place.in_record = true;
  for (RecordCursor records = entry.records(); records.valid(); records.Next()) {
    if (records.index() > 0) out_.push_back(',');
    place.record = records.index();
    if (absl::Status record = WriteRecord(records.record()); !record.ok()) return record;
  }
  place.in_record = false;
  out_.push_back(']');
  return Flush(kFlushBytes);
}

absl::Status JsonTextWriter::WriteRecord(const RecordReader& record) {
  pairs_.clear();
  for (PairCursor pair = record.pairs(); pair.valid(); pair.Next()) {
    absl::StatusOr<WrittenKey> key = MakeKey(pair.key());
    if (!key.ok()) return key.status();
    pairs_.push_back({std::move(*key), pair});
  }
  if (absl::Status sorted = Sort(&pairs_); !sorted.ok()) return sorted;
  out_.push_back('{');
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    if (i > 0) out_.push_back(',');
    WriteString(pairs_[i].text());
    out_.push_back(':');
    if (absl::Status value = WriteValue(pairs_[i].pair.value()); !value.ok()) return value;
  }
  out_.push_back('}');
  return Flush(kFlushBytes);
}

absl::Status JsonTextWriter::WriteValue(std::string_view value) {
  if (simdjson::validate_utf8(value.data(), value.size())) {
    WriteString(value);
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> replaced = Replaced(value);
  if (!replaced.ok()) return replaced.status();
  WriteString(*replaced);
  return absl::OkStatus();
}

void JsonTextWriter::WriteString(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  out_.push_back('"');
  std::size_t plain = 0;  // where what is not written yet begins
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out_.append(text, plain, i - plain);
    plain = i + 1;
    out_.push_back('\\');
    switch (c) {
      case '"':
      case '\\':
        out_.push_back(static_cast<char>(c));
        break;
      case '\b':
        out_.push_back('b');
        break;
      case '\f':
        out_.push_back('f');
        break;
      case '\n':
        out_.push_back('n');
        break;
      case '\r':
        out_.push_back('r');
        break;
      case '\t':
        out_.push_back('t');
        break;
      default:
        out_.append("u00");
        out_.push_back(kDigits[c >> 4]);
        out_.push_back(kDigits[c & 15]);
    }
  }
  out_.append(text, plain);
  out_.push_back('"');
}

// Hands on what has gathered, once it is that much.
absl::Status JsonTextWriter::Flush(std::size_t from_bytes) {
  if (out_.size() < from_bytes) return absl::OkStatus();
  absl::Status taken = sink_(out_);
  out_.clear();
  if (out_.capacity() > 16 * kFlushBytes) out_ = std::string();
  return taken;
}

absl::Status JsonTextWriter::Finish() {
  out_.push_back('\n');
  return Flush(0);
}

// Runs `body` and answers for what it throws.
template <class Body>
auto WithoutExceptions(const Body& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  } catch (const std::exception&) {
    return absl::Status(absl::StatusCode::kInternal, "the sink threw");
  }
}

absl::StatusOr<bool> Finished(const absl::Status& written, JsonTextWriter& writer) {
  if (!written.ok()) return written;
  if (absl::Status finished = writer.Finish(); !finished.ok()) return finished;
  return true;
}

}  // namespace

absl::Status WriteJson(const Cache& cache, const TextSink& sink, const JsonWriteOptions& options) {
  return WithoutExceptions([&]() -> absl::Status {
    JsonTextWriter writer(cache, sink, options);
    return Finished(writer.WriteAll(), writer).status();
  });
}

absl::StatusOr<bool> WriteJsonOuter(const Cache& cache, std::string_view outer,
                                    const TextSink& sink, const JsonWriteOptions& options) {
  return WithoutExceptions([&]() -> absl::StatusOr<bool> {
    if (!ReadGuard(cache).HasOuter(outer)) return false;
    JsonTextWriter writer(cache, sink, options);
    const std::string key(outer);
    writer.place.outer = &key;
    return Finished(writer.WriteOuter(key), writer);
  });
}

absl::StatusOr<bool> WriteJsonEntry(const Cache& cache, std::string_view outer,
                                    std::string_view inner, const TextSink& sink,
                                    const JsonWriteOptions& options) {
  return WithoutExceptions([&]() -> absl::StatusOr<bool> {
    const ReadGuard guard(cache);
    const EntryReader entry = guard.Get(outer, inner);
    if (!entry) return false;
    JsonTextWriter writer(cache, sink, options);
    const std::string outer_key(outer);
    const std::string inner_key(inner);
    writer.place = {.outer = &outer_key, .inner = &inner_key};
    return Finished(writer.WriteEntry(entry), writer);
  });
}

absl::StatusOr<bool> WriteJsonRecord(const Cache& cache, std::string_view outer,
                                     std::string_view inner, std::size_t index,
                                     const TextSink& sink, const JsonWriteOptions& options) {
  return WithoutExceptions([&]() -> absl::StatusOr<bool> {
    const ReadGuard guard(cache);
    const EntryReader entry = guard.Get(outer, inner);
    if (!entry || index >= entry.record_count()) return false;
    JsonTextWriter writer(cache, sink, options);
    const std::string outer_key(outer);
    const std::string inner_key(inner);
    writer.place = {.outer = &outer_key, .inner = &inner_key, .record = index, .in_record = true};
    return Finished(writer.WriteRecord(entry.record(index)), writer);
  });
}

}  // namespace strata
