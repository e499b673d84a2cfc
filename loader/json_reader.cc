#include "loader/json_reader.h"

#include <new>
#include <utility>

#include "absl/strings/str_cat.h"

#include "loader/message_text.h"

namespace strata {

absl::StatusOr<std::unique_ptr<Source>> JsonReader::Make(std::unique_ptr<ByteStream> stream,
                                                         std::string name,
                                                         const JsonOptions& options,
                                                         const JsonTuning& tuning) {
  absl::StatusOr<JsonPointer> pointer = JsonPointer::Parse(options.root);
  if (!pointer.ok()) return pointer.status();
  return std::unique_ptr<Source>(
      new JsonReader(std::move(stream), std::move(name), std::move(*pointer), options, tuning));
}

JsonReader::JsonReader(std::unique_ptr<ByteStream> stream, std::string name, JsonPointer pointer,
                       const JsonOptions& options, const JsonTuning& tuning)
    : pointer_(std::move(pointer)),
      tuning_(tuning),
      input_{.name = std::move(name), .lines = options.form == JsonOptions::Form::kLines},
      window_(std::move(stream), tuning.window_bytes),
      lexer_(&window_, &input_),
      navigator_(&lexer_, &pointer_),
      lists_(&window_, &input_, tuning.piece_bytes),
      phase_(input_.lines ? Phase::kLine : Phase::kSeek) {}

SourceProgress JsonReader::progress() const {
  return {.bytes_read = window_.stream().bytes_read(),
          .bytes_total = window_.stream().bytes_total()};
}

absl::Status JsonReader::Read(Batch* batch) {
  if (!failed_.ok()) return failed_;
  line_first_change_ = 0;
  line_first_byte_ = 0;
  try {
    failed_ = ReadSteps(batch);
  } catch (const std::bad_alloc&) {
    failed_ = OutOfMemory();
  } catch (const std::length_error&) {  // a string larger than the address space
    failed_ = OutOfMemory();
  }
  // What is not whole goes: an entry that was begun, a line.
  if (!failed_.ok()) batch->Truncate(input_.lines ? line_first_change_ : batch->size());
  return failed_;
}

absl::Status JsonReader::ReadSteps(Batch* batch) {
  while (phase_ != Phase::kDone) {
    const bool in_line = input_.lines && phase_ != Phase::kLine;
    if (in_line && batch->memory_bytes() - line_first_byte_ >= tuning_.line_bytes) {
      return SplitLine(batch);
    }
    if (!in_line && batch->memory_bytes() >= tuning_.batch_bytes) return absl::OkStatus();
    if (absl::Status step = Step(batch); !step.ok()) return step;
  }
  return absl::OkStatus();
}

absl::Status JsonReader::Step(Batch* batch) {
  switch (phase_) {
    case Phase::kSeek:
      return StepSeek(batch);
    case Phase::kOuters:
      return StepOuter(batch);
    case Phase::kInners:
      return StepInner(batch);
    case Phase::kLine:
      return StepLine(batch);
    case Phase::kDone:
      break;
  }
  return absl::OkStatus();
}

// Between lines: passes blank ones and begins the next document.
absl::Status JsonReader::StepLine(Batch* batch) {
  absl::StatusOr<int> c = lexer_.Peek();
  if (!c.ok()) return c.status();
  if (*c != kEndOfText) {
    navigator_.Reset();
    root_seen_ = false;
    line_split_ = false;
    line_first_change_ = batch->size();
    line_first_byte_ = batch->memory_bytes();
    phase_ = Phase::kSeek;
  } else if (window_.size() == 0) {
    phase_ = Phase::kDone;
  } else {
    lexer_.Take();
    ++input_.line;
  }
  return absl::OkStatus();
}

absl::Status JsonReader::StepSeek(Batch* batch) {
  absl::StatusOr<JsonNavigator::Stop> stop = navigator_.Advance();
  if (!stop.ok()) return stop.status();
  return *stop == JsonNavigator::Stop::kRoot ? BeginRoot(batch) : EndDocument(batch);
}

absl::Status JsonReader::BeginRoot(Batch* batch) {
  if (root_seen_) {
    // A key on the way to the root is given again: what the first one brought goes.
    if (!input_.lines) {
      batch->Clear();
      batch->AddOuterChange(Change::Kind::kDropAll, {});
    } else if (!line_split_) {
      batch->Truncate(line_first_change_);
    } else {
      return lexer_.ErrorHere(RootPath(), RepeatedInLongLine());
    }
  }
  root_seen_ = true;
  absl::StatusOr<int> c = lexer_.Peek();
  if (!c.ok()) return c.status();
  if (*c != '{') return NoRoot(*c);
  lexer_.Take();
  phase_ = Phase::kOuters;
  first_member_ = true;
  return absl::OkStatus();
}

absl::Status JsonReader::EndDocument(Batch* batch) {
  if (absl::Status end = lexer_.ReadEnd({}); !end.ok()) return end;
  if (!navigator_.found()) {
    return lexer_.ErrorHere({},
                            absl::StrCat("the document has nothing at --root ",
                                         EscapeForMessage(pointer_.text(), kLongMessageTextBytes)));
  }
  phase_ = Phase::kDone;
  if (input_.lines) {
    batch->KeepLastOpenings(line_first_change_);
    line_opened_.Clear();
    phase_ = Phase::kLine;
  }
  return absl::OkStatus();
}

// Goes to the next key of the object the phase is in; false at its end, which is taken.
absl::StatusOr<bool> JsonReader::NextMember(const JsonPath& path, std::string_view key_name) {
  absl::StatusOr<int> c = lexer_.Peek();
  if (!c.ok()) return c.status();
  if (*c == '}') {
    lexer_.Take();
    return false;
  }
  if (!first_member_) {
    if (*c != ',') return lexer_.Unexpected(path, "',' or '}'");
    lexer_.Take();
    c = lexer_.Peek();
    if (!c.ok()) return c.status();
  }
  first_member_ = false;
  if (*c != '"') return lexer_.Unexpected(path, key_name);
  return true;
}

absl::Status JsonReader::StepOuter(Batch* batch) {
  absl::StatusOr<bool> member = NextMember(RootPath(), "an outer key in double quotes");
  if (!member.ok()) return member.status();
  if (!*member) {
    phase_ = Phase::kSeek;
    return absl::OkStatus();
  }
  if (absl::Status key = lexer_.ReadString(RootPath(), &outer_); !key.ok()) return key;
  if (absl::Status colon = lexer_.ReadColon(OuterPath()); !colon.ok()) return colon;
  absl::StatusOr<int> c = lexer_.Peek();
  if (!c.ok()) return c.status();
  if (*c != '{' && *c != 'n') return NoEntries(OuterPath(), *c);
  if (absl::Status opened = OpenOuter(batch); !opened.ok()) return opened;
  if (*c == 'n') return lexer_.ReadNull(OuterPath());
  lexer_.Take();
  phase_ = Phase::kInners;
  first_member_ = true;
  return absl::OkStatus();
}

absl::Status JsonReader::OpenOuter(Batch* batch) {
  if (!input_.lines) {
    batch->AddOuterChange(Change::Kind::kOpenOuter, outer_);
    return absl::OkStatus();
  }
  if (line_split_ && !line_opened_.Insert(outer_)) {
    return lexer_.ErrorHere(OuterPath(), RepeatedInLongLine());
  }
  batch->AddOuterChange(Change::Kind::kPutOuter, outer_);
  return absl::OkStatus();
}

absl::Status JsonReader::StepInner(Batch* batch) {
  absl::StatusOr<bool> member = NextMember(OuterPath(), "an inner key in double quotes");
  if (!member.ok()) return member.status();
  if (!*member) {
    phase_ = Phase::kOuters;
    first_member_ = false;
    return absl::OkStatus();
  }
  if (absl::Status key = lexer_.ReadString(OuterPath(), &inner_); !key.ok()) return key;
  if (absl::Status colon = lexer_.ReadColon(EntryPath()); !colon.ok()) return colon;
  absl::StatusOr<int> c = lexer_.Peek();
  if (!c.ok()) return c.status();
  if (*c != '[' && *c != 'n') return NoList(EntryPath(), *c);
  batch->BeginEntry(outer_, inner_);
  absl::Status read = *c == 'n' ? lexer_.ReadNull(EntryPath()) : lists_.Read(EntryPath(), batch);
  if (!read.ok()) return read;
  batch->EndEntry();
  return absl::OkStatus();
}

// Hands on a part of a line too long to be held. From here on an outer given again could not
// replace what has left already.
absl::Status JsonReader::SplitLine(Batch* batch) {
  batch->KeepLastOpenings(line_first_change_);
  for (std::size_t i = line_first_change_; i < batch->size(); ++i) {
    const Change change = (*batch)[i];
    if (change.kind == Change::Kind::kPutOuter) line_opened_.Insert(change.outer);
  }
  line_split_ = true;
  return absl::OkStatus();
}

std::string JsonReader::RepeatedInLongLine() const {
  return absl::StrCat(
      "given again in a line too long to be held whole: split the line, or give it once");
}

// What the first member's value begins with, of the object in front, for a hint behind a fault:
// '}' where it has no members, kEndOfText where it cannot be read. Further faults do not count.
int JsonReader::FirstValueOfObject() {
  lexer_.Take();
  absl::StatusOr<int> c = lexer_.Peek();
  if (c.ok() && *c == '"') {
    std::string key;
    if (!lexer_.ReadString({}, &key).ok() || !lexer_.ReadColon({}).ok()) return kEndOfText;
    c = lexer_.Peek();
  } else if (c.ok() && *c != '}') {
    return kEndOfText;
  }
  return c.ok() ? *c : kEndOfText;
}

// No object where the map should stand. In a list the map may be an element.
absl::Status JsonReader::NoRoot(int found) {
  constexpr std::string_view kExpected = "an object: outer keys and what they lead to";
  if (found != '[') return lexer_.Unexpected(RootPath(), kExpected);
  const std::uint64_t offset = window_.offset();
  std::string what = absl::StrCat("expected ", std::string(kExpected), ", found a list");
  lexer_.Take();
  const absl::StatusOr<int> element = lexer_.Peek();
  if (element.ok() && *element == '{') {
    JsonPath first = RootPath();
    first.index = 0;
    absl::StrAppend(&what, "; where the map is the list's first element, ", first.RootHint());
  }
  return input_.Error(offset, RootPath(), what);
}

// Something else where an outer's object should stand: the map lies deeper, or higher.
absl::Status JsonReader::NoEntries(const JsonPath& path, int found) {
  constexpr std::string_view kExpected = "an object: inner keys and their lists";
  if (found != '[') {
    std::string hint;
    if (found != kEndOfText) {
      JsonPath member = RootPath();
      member.outer = "MEMBER";
      hint = absl::StrCat("; where the map lies in one member of this object, ", member.RootHint());
    }
    return lexer_.Unexpected(path, kExpected, hint);
  }
  const std::uint64_t offset = window_.offset();
  std::string what = absl::StrCat("expected ", std::string(kExpected), ", found a list");
  lexer_.Take();
  const absl::StatusOr<int> element = lexer_.Peek();
  // {"data":[{"outer":{…}}]}: an object in the object, or null, is no record.
  const int value = element.ok() && *element == '{' ? FirstValueOfObject() : kEndOfText;
  if (value == '{' || value == 'n') {
    JsonPath first = path;
    first.index = 0;
    absl::StrAppend(&what, "; where the map is the list's first element, ", first.RootHint());
  } else if (pointer_.size() > 0) {
    const JsonPath parent{.root = pointer_.prefix(pointer_.size() - 1)};
    absl::StrAppend(&what, "; perhaps --root is a level too deep: ",
                    pointer_.size() == 1 ? "leave it out" : parent.RootHint());
  }
  return input_.Error(offset, path, what);
}

// An object where a list should stand: a record without its list, or the map is wrapped.
absl::Status JsonReader::NoList(const JsonPath& path, int found) {
  constexpr std::string_view kExpected = "a list of records";
  if (found != '{') return lexer_.Unexpected(path, kExpected);
  const std::uint64_t offset = window_.offset();
  std::string what = "expected a list of records, found an object";
  const int value = FirstValueOfObject();
  if (value == '"') {
    what.append(": a record stands in a list, [{…}]");
  } else {
    // One level: the outer is what wraps; two levels: what stands here.
    absl::StrAppend(&what, "; where the map is wrapped in an object, ",
                    value == '{' ? path.RootHint() : OuterPath().RootHint());
  }
  return input_.Error(offset, path, what);
}

}  // namespace strata
