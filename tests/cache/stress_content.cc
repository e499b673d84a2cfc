#include "tests/cache/stress_content.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace strata::stress {
namespace {

constexpr std::array<const char*, 7> kWords = {
    "red", "green", "blue", "a longer word that recurs", "0", "", "2026-01-01 00:00:00"};

// splitmix64's finish, over what came before.
std::uint64_t Mix(std::uint64_t hash, std::uint64_t word) {
  std::uint64_t z = (hash ^ word) + 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint64_t HashOf(std::size_t key, std::uint64_t generation, std::uint64_t step) {
  return Mix(Mix(Mix(1, key), generation), step);
}

std::size_t InnersOf(Kind kind) {
  switch (kind) {
    case Kind::kFew:
      return 4;
    case Kind::kFull:
      return 14;
    case Kind::kMany:
      return 40;
    case Kind::kLong:
      return 3;
  }
  return 0;
}

std::string InnerName(Kind kind, std::size_t inner) {
  if (kind == Kind::kMany) return std::to_string(inner * 37);  // decimals: numbers to the cache
  if (kind == Kind::kFew && inner == 0) return "";
  return "inner" + std::string(1, '\0') + std::to_string(inner);
}

std::vector<Key> MakeKeys() {
  std::vector<Key> keys;
  for (std::size_t outer = 0; outer < kOuters; ++outer) {
    const Kind kind = KindOf(outer);
    for (std::size_t inner = 0; inner < InnersOf(kind); ++inner) {
      keys.push_back({.outer = outer, .inner = InnerName(kind, inner)});
    }
  }
  return keys;
}

// A hash of its own for each question, so that answers do not go together.
enum Question : std::uint64_t { kStepCount = 100, kDeletedAtEnd, kRecordCount };

bool EndsDeleted(std::size_t key, std::uint64_t generation) {
  return HashOf(key, generation, kDeletedAtEnd) % 4 == 0;
}

std::uint64_t StepsIn(std::size_t key, std::uint64_t generation) {
  if (generation == 0) return 1;
  const std::uint64_t changes = HashOf(key, generation, kStepCount) % 6;
  return 1 + changes + (EndsDeleted(key, generation) ? 1 : 0);
}

std::uint64_t RecordsPut(std::size_t key, std::uint64_t generation) {
  const std::uint64_t hash = HashOf(key, generation, kRecordCount);
  switch (KindOf(Keys()[key].outer)) {
    case Kind::kFew:
      return hash % 4;
    case Kind::kFull:
      return hash % 3;
    case Kind::kMany:
      return hash % 7;
    case Kind::kLong:
      return hash % 8 == 0 ? 0 : hash % 300;
  }
  return 0;
}

std::string IdOf(std::size_t key, std::uint64_t generation, const Stamp& stamp) {
  return std::to_string(key) + "." + std::to_string(generation) + "." + std::to_string(stamp.step) +
         "." + std::to_string(stamp.ordinal);
}

// The bytes between the dots of an id; false where it is none.
bool ParseId(std::string_view id, std::array<std::uint64_t, 4>* numbers) {
  const char* at = id.data();
  const char* const end = at + id.size();
  for (std::size_t i = 0; i < numbers->size(); ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return false;
    const auto [next, error] = std::from_chars(at, end, (*numbers)[i]);
    if (error != std::errc()) return false;
    at = next;
  }
  return at == end;
}

// How the record differs from what its id says it is; empty where it does not.
std::string RecordFault(const RecordReader& record, const OwnedRecord& expected) {
  if (record.pair_count() != expected.size()) {
    return std::to_string(record.pair_count()) + " pairs, not " + std::to_string(expected.size());
  }
  PairCursor pair = record.pairs();
  for (const auto& [key, value] : expected) {
    if (!pair.valid()) return "fewer pairs than it counts";
    if (pair.key() != key) return "key '" + std::string(pair.key()) + "', not '" + key + "'";
    if (pair.value() != value) {
      return "under '" + key + "' '" + std::string(pair.value().substr(0, 60)) + "', not '" +
             value.substr(0, 60) + "'";
    }
    pair.Next();
  }
  return pair.valid() ? "more pairs than it counts" : "";
}

}  // namespace

const std::vector<Key>& Keys() {
  static const std::vector<Key> keys = MakeKeys();
  return keys;
}

std::string OuterName(std::size_t outer) { return "outer " + std::to_string(outer); }
Kind KindOf(std::size_t outer) { return static_cast<Kind>(outer % 4); }

std::size_t OuterNamed(std::string_view name) {
  for (std::size_t outer = 0; outer < kOuters; ++outer) {
    if (OuterName(outer) == name) return outer;
  }
  return kOuters;
}

std::size_t KeyNamed(std::string_view outer, std::string_view inner) {
  using Names = std::map<std::pair<std::string, std::string>, std::size_t>;
  static const Names names = [] {
    Names made;
    for (std::size_t i = 0; i < Keys().size(); ++i) {
      made[{OuterName(Keys()[i].outer), Keys()[i].inner}] = i;
    }
    return made;
  }();
  const auto found = names.find({std::string(outer), std::string(inner)});
  return found == names.end() ? Keys().size() : found->second;
}

OwnedRecord RecordOf(std::size_t key, std::uint64_t generation, const Stamp& stamp) {
  const std::uint64_t hash = Mix(HashOf(key, generation, 1000 + stamp.step), stamp.ordinal);
  const bool in_long_list = KindOf(Keys()[key].outer) == Kind::kLong;
  OwnedRecord record = {{"id", IdOf(key, generation, stamp)}};
  record.emplace_back("word", kWords[hash % kWords.size()]);
  if (hash >> 8 & 1) record.emplace_back("number", std::to_string(hash >> 16 & 0xfffff));
  if (in_long_list) return record;
  if ((hash >> 9 & 3) == 0) record.emplace_back("", std::to_string(hash));
  if ((hash >> 11 & 3) == 0) {
    record.emplace_back("key" + std::to_string(hash >> 20 & 63), kWords[hash >> 30 & 3]);
  }
  if ((hash >> 13 & 3) == 0) {
    // Now and then more than an outer's own blob holds; seldom more than a segment of the log.
    const std::uint64_t size_class = hash >> 40 & 255;
    const std::size_t size_bytes = size_class == 0 ? 300'000 : size_class < 16 ? 4'000 : 50;
    record.emplace_back(
        "text", std::to_string(hash) +
                    std::string(size_bytes, static_cast<char>('a' + static_cast<int>(hash % 26))));
  }
  return record;
}

State::State(std::size_t key, Version version) : key_(key) {
  if (version / kSteps == 0) return;
  generation_ = version / kSteps - 1;
  step_ = kSteps - 1;  // behind the last step of the generation before
  while (this->version() < version) Advance();
}

Action State::Advance() {
  if (step_ + 1 < StepsIn(key_, generation_)) {
    ++step_;
    return Step();
  }
  ++generation_;
  step_ = 0;
  present_ = true;
  stamps_.clear();
  for (std::uint64_t i = RecordsPut(key_, generation_); i > 0; --i) {
    stamps_.push_back({.step = 0, .ordinal = stamps_.size()});
  }
  return {.kind = Action::Kind::kPut};
}

Action State::Step() {
  if (EndsDeleted(key_, generation_) && step_ + 1 == StepsIn(key_, generation_)) {
    present_ = false;
    stamps_.clear();
    return {.kind = Action::Kind::kDelete};
  }
  const std::uint64_t hash = HashOf(key_, generation_, step_);
  const std::uint64_t choice = stamps_.empty() ? 0 : hash % 4;
  const std::size_t index = stamps_.empty() ? 0 : (hash >> 8) % stamps_.size();
  const auto at = stamps_.begin() + static_cast<std::ptrdiff_t>(index);
  const Stamp stamp = {.step = step_, .ordinal = 0};
  switch (choice) {
    case 0:
      stamps_.push_back(stamp);
      return {.kind = Action::Kind::kAppend};
    case 1:
      *at = stamp;
      return {.kind = Action::Kind::kUpdate, .index = index};
    case 2:
      stamps_.insert(at, stamp);
      return {.kind = Action::Kind::kInsert, .index = index};
    default:
      stamps_.erase(at);
      return {.kind = Action::Kind::kRemove, .index = index};
  }
}

Observation ObserveId(std::size_t key, std::string_view id) {
  Observation seen{.present = true, .generation = 0, .stamps = {}, .fault = {}};
  std::array<std::uint64_t, 4> numbers{};
  if (!ParseId(id, &numbers) || numbers[0] != key) {
    seen.fault = "a record that is not its own: '" + std::string(id.substr(0, 60)) + "'";
    return seen;
  }
  seen.generation = numbers[1];
  seen.stamps.push_back({.step = numbers[2], .ordinal = numbers[3]});
  return seen;
}

Observation Observe(std::size_t key, const EntryReader& entry) {
  Observation all;
  if (!entry) return all;
  all.present = true;
  const std::size_t count = entry.record_count();
  for (RecordCursor records = entry.records(); records.valid(); records.Next()) {
    const RecordReader record = records.record();
    const PairCursor first = record.pairs();
    const Observation one =
        ObserveId(key, first.valid() ? std::string_view(first.value()) : std::string_view());
    all.fault = one.fault;
    if (!all.fault.empty()) return all;
    if (all.stamps.empty()) all.generation = one.generation;
    if (all.generation != one.generation) {
      all.fault = "records of generations " + std::to_string(all.generation) + " and " +
                  std::to_string(one.generation) + " in one list";
      return all;
    }
    all.fault = RecordFault(record, RecordOf(key, one.generation, one.stamps[0]));
    if (!all.fault.empty()) return all;
    all.stamps.push_back(one.stamps[0]);
  }
  if (all.stamps.size() != count) all.fault = "another number of records than it counts";
  return all;
}

std::optional<Version> FirstVersion(std::size_t key, Version from, Version to,
                                    const Observation& seen) {
  const std::optional<std::uint64_t> generation =
      seen.stamps.empty() ? std::nullopt : std::optional(seen.generation);
  return FirstVersion(key, from, to, generation, [&](const State& state) {
    return state.present() == seen.present && state.stamps() == seen.stamps;
  });
}

}  // namespace strata::stress
