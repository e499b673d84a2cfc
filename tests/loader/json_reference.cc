#include "tests/loader/json_reference.h"

#include <simdjson.h>

#include <algorithm>

#include "loader/json_reader.h"

namespace strata {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

void PutPair(ModelRecord* record, std::string_view key, std::string_view value) {
  for (auto& [known, held] : *record) {
    if (known == key) {
      held = value;
      return;
    }
  }
  record->emplace_back(key, value);
}

bool ReadRecord(element record, ModelRecord* out) {
  if (record.is_null()) return true;
  if (!record.is_object()) return false;
  for (const simdjson::dom::key_value_pair pair : simdjson::dom::object(record)) {
    if (!pair.value.is_string()) return false;
    PutPair(out, pair.key, std::string_view(pair.value));
  }
  return true;
}

bool ReadList(element list, std::vector<ModelRecord>* out) {
  if (list.is_null()) return true;
  if (!list.is_array()) return false;
  for (const element record : simdjson::dom::array(list)) {
    if (!ReadRecord(record, &out->emplace_back())) return false;
  }
  return true;
}

bool ReadMap(element root, Content* content) {
  if (!root.is_object()) return false;
  for (const simdjson::dom::key_value_pair outer : simdjson::dom::object(root)) {
    ModelEntries entries;
    if (!outer.value.is_null()) {
      if (!outer.value.is_object()) return false;
      for (const simdjson::dom::key_value_pair inner : simdjson::dom::object(outer.value)) {
        std::vector<ModelRecord> list;
        if (!ReadList(inner.value, &list)) return false;
        entries[std::string(inner.key)] = std::move(list);
      }
    }
    (*content)[std::string(outer.key)] = std::move(entries);
  }
  return true;
}

// The last value under that key or index, as a key given again replaces.
bool Descend(element* at, const std::string& token) {
  std::optional<element> found;
  if (at->is_object()) {
    for (const simdjson::dom::key_value_pair member : simdjson::dom::object(*at)) {
      if (member.key == token) found = member.value;
    }
  } else if (at->is_array()) {
    std::size_t index = 0;
    for (const element member : simdjson::dom::array(*at)) {
      if (std::to_string(index++) == token) found = member;
    }
  }
  if (found) *at = *found;
  return found.has_value();
}

// Every value that the root's key had must have been a map: the reader sees them all go by.
bool EveryRootIsAMap(element at, std::string_view root) {
  if (root.empty()) {
    Content unused;
    return ReadMap(at, &unused);
  }
  const std::size_t end = std::min(root.find('/', 1), root.size());
  const std::string token(root.substr(1, end - 1));
  if (at.is_object()) {
    for (const simdjson::dom::key_value_pair member : simdjson::dom::object(at)) {
      if (member.key == token && !EveryRootIsAMap(member.value, root.substr(end))) return false;
    }
  } else if (at.is_array()) {
    std::size_t index = 0;
    for (const element member : simdjson::dom::array(at)) {
      if (std::to_string(index++) == token && !EveryRootIsAMap(member, root.substr(end))) {
        return false;
      }
    }
  }
  return true;
}

Verdict ReadOne(std::string_view text, std::string_view root, Content* content) {
  simdjson::dom::parser parser;
  if (parser.allocate(text.size() + 1, text.size() + 2) != simdjson::SUCCESS) {
    return Verdict::kUnknown;
  }
  element at;
  const simdjson::error_code error = parser.parse(simdjson::padded_string(text)).get(at);
  if (error == simdjson::NUMBER_ERROR) return Verdict::kUnknown;
  if (error != simdjson::SUCCESS) return Verdict::kRefused;
  if (!EveryRootIsAMap(at, root)) return Verdict::kRefused;
  while (!root.empty()) {
    const std::size_t end = std::min(root.find('/', 1), root.size());
    if (!Descend(&at, std::string(root.substr(1, end - 1)))) return Verdict::kRefused;
    root.remove_prefix(end);
  }
  return ReadMap(at, content) ? Verdict::kAccepted : Verdict::kRefused;
}

}  // namespace

absl::Status ContentTarget::Put(std::string_view outer, std::string_view inner,
                                const RecordsView& records) {
  std::vector<ModelRecord> list(records.size());
  std::vector<Pair> scratch;
  for (std::size_t i = 0; i < records.size(); ++i) {
    for (const Pair& pair : UniqueKeys(records[i], &scratch)) {
      list[i].emplace_back(pair.key, pair.value);
    }
  }
  content[std::string(outer)][std::string(inner)] = std::move(list);
  return absl::OkStatus();
}

absl::Status ContentTarget::PutOuter(std::string_view outer) {
  content[std::string(outer)];
  return absl::OkStatus();
}

bool ContentTarget::Delete(std::string_view outer, std::string_view inner) {
  const auto found = content.find(outer);
  if (found == content.end()) return false;
  const auto entry = found->second.find(inner);
  if (entry == found->second.end()) return false;
  found->second.erase(entry);
  return true;
}

bool ContentTarget::DeleteOuter(std::string_view outer) {
  const auto found = content.find(outer);
  if (found == content.end()) return false;
  content.erase(found);
  ++deleted_outers;
  return true;
}

absl::StatusOr<std::size_t> TextStream::Read(std::span<char> out) {
  const std::size_t count = std::min({out.size(), step_, text_.size() - read_});
  std::memcpy(out.data(), text_.data() + read_, count);
  read_ += count;
  return count;
}

JsonTuning TinyTuning(std::size_t size) {
  return {.window_bytes = size, .piece_bytes = size, .batch_bytes = size};
}

absl::StatusOr<Content> LoadText(std::string_view text, const JsonOptions& options,
                                 const JsonTuning& tuning, std::size_t step) {
  absl::StatusOr<std::unique_ptr<Source>> source =
      JsonReader::Make(std::make_unique<TextStream>(text, step), "input", options, tuning);
  if (!source.ok()) return source.status();
  ContentTarget target;
  absl::StatusOr<LoadProgress> loaded = Load(**source, target);
  if (!loaded.ok()) {
    if (!target.content.empty()) return absl::InternalError("content is left after an error");
    return loaded.status();
  }
  return std::move(target.content);
}

Verdict ReadByReference(std::string_view text, const JsonOptions& options, Content* content) {
  if (options.form == JsonOptions::Form::kDocument) return ReadOne(text, options.root, content);
  bool unknown = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Content of_line;
    const Verdict verdict = ReadOne(line, options.root, &of_line);
    if (verdict == Verdict::kRefused) return verdict;
    unknown = unknown || verdict == Verdict::kUnknown;
    for (auto& [outer, entries] : of_line) {
      ModelEntries& held = (*content)[outer];
      for (auto& [inner, list] : entries) held[inner] = std::move(list);
    }
  }
  return unknown ? Verdict::kUnknown : Verdict::kAccepted;
}

}  // namespace strata
