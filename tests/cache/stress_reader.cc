#include "tests/cache/stress_reader.h"

#include <algorithm>
#include <list>
#include <optional>

namespace strata::stress {
namespace {

constexpr std::size_t kHeldEntries = 12;
constexpr std::size_t kHeldViews = 16;   // of one entry
constexpr std::size_t kManyGuards = 40;  // of one reader, at once
constexpr std::size_t kFoundTogether = 40;

// A guard for every step of an enumeration, or one for all.
class GuardOfStep {
 public:
  GuardOfStep(const Cache& cache, Reader::Guards guards) : cache_(cache), guards_(guards) {}
  const ReadGuard& operator()() {
    if (guards_ == Reader::Guards::kOneAStep || !guard_.has_value()) guard_.emplace(cache_);
    return *guard_;
  }

 private:
  const Cache& cache_;
  const Reader::Guards guards_;
  std::optional<ReadGuard> guard_;
};

}  // namespace

std::string Flattened(const EntryReader& entry) {
  std::string bytes;
  const auto add = [&bytes](std::string_view text) {
    bytes += std::to_string(text.size()) + ":";
    bytes += text;
  };
  for (RecordCursor record = entry.records(); record.valid(); record.Next()) {
    bytes += '[';
    for (PairCursor pair = record.record().pairs(); pair.valid(); pair.Next()) {
      add(pair.key());
      add(pair.value());
    }
  }
  return bytes;
}

HeldEntry::HeldEntry(const EntryReader& entry) : entry_(entry), bytes_(Flattened(entry)) {
  for (RecordCursor record = entry.records(); record.valid(); record.Next()) {
    const PairCursor pair = record.record().pairs();
    if (pair.valid() && cursors_.size() < kHeldViews) cursors_.push_back(pair);
  }
  for (const PairCursor& cursor : cursors_) {
    views_.push_back(cursor.value());
    copies_.emplace_back(views_.back());
  }
}

bool HeldEntry::Unchanged() const {
  for (std::size_t i = 0; i < cursors_.size(); ++i) {
    if (views_[i] != copies_[i] || cursors_[i].value() != copies_[i]) return false;
  }
  return Flattened(entry_) == bytes_;
}

Reader::Reader(const Cache& cache, const Board& board, Faults& faults, Demand demand,
               std::uint64_t seed)
    : cache_(cache),
      board_(board),
      faults_(faults),
      demand_(demand),
      random_(seed),
      seen_(Keys().size()) {}

void Reader::Run(std::size_t rounds) {
  for (std::size_t i = 0; i < rounds || board_.writing(); ++i) ReadSomething();
}

void Reader::ReadSomething() {
  const std::uint64_t choice = random_() % 1'000;
  const std::size_t key = random_() % Keys().size();
  const Guards guards = random_() % 2 == 0 ? Guards::kOneForAll : Guards::kOneAStep;
  if (choice < 700) {
    ReadEntry(key);
  } else if (choice < 920) {
    FindPair(key);
  } else if (choice < 930) {
    FindManyPairs();
  } else if (choice < 970) {
    AskOuter(Keys()[key].outer);
  } else if (choice < 980) {
    EnumerateOuters(guards);
  } else if (choice < 994) {
    EnumerateEntries(Keys()[key].outer, guards);
  } else if (choice < 996) {
    EnumerateEntries(kOuters, guards);
  } else if (choice < 997) {
    AskCounts();
  } else {
    OpenManyGuards(kManyGuards);
  }
}

Version Reader::Earliest(std::size_t key) const {
  if (demand_ == Demand::kLoose) return seen_[key];
  return std::max(seen_[key], board_.written(key));
}

std::vector<Version> Reader::EarliestOfAll() const {
  std::vector<Version> all(Keys().size());
  for (std::size_t key = 0; key < all.size(); ++key) all[key] = Earliest(key);
  return all;
}

void Reader::Fault(std::size_t key, Version from, const std::string& what) {
  faults_.Add("outer " + std::to_string(Keys()[key].outer) + ", key " + std::to_string(key) +
              ", versions from " + std::to_string(from) + " to " +
              std::to_string(board_.begun(key)) + ": " + what);
}

void Reader::Check(std::size_t key, Version from, const Observation& seen) {
  ++reads_;
  if (!seen.fault.empty()) return Fault(key, from, seen.fault);
  const std::optional<Version> version = FirstVersion(key, from, board_.begun(key), seen);
  if (version.has_value()) {
    seen_[key] = std::max(seen_[key], *version);
    return;
  }
  Fault(key, from,
        !seen.present ? "it is absent, in none of them it was"
                      : std::to_string(seen.stamps.size()) + " records of generation " +
                            std::to_string(seen.generation) + " are none of these versions");
}

void Reader::ReadEntry(std::size_t key) {
  const Version from = Earliest(key);
  const ReadGuard guard(cache_);
  Check(key, from, Observe(key, guard.Get(OuterName(Keys()[key].outer), Keys()[key].inner)));
}

void Reader::FindPair(std::size_t key) {
  const std::size_t index = random_() % 3;
  const Version from = Earliest(key);
  const ReadGuard guard(cache_);
  CheckPair(key, index, from,
            guard.Find(OuterName(Keys()[key].outer), Keys()[key].inner, index, "id"));
}

void Reader::CheckPair(std::size_t key, std::size_t index, Version from, const PairCursor& pair) {
  ++reads_;
  std::optional<Version> version;
  if (pair.valid()) {
    const Observation seen = ObserveId(key, pair.value());
    if (!seen.fault.empty()) return Fault(key, from, seen.fault);
    version = FirstVersion(key, from, board_.begun(key), seen.generation, [&](const State& state) {
      return index < state.stamps().size() && state.stamps()[index] == seen.stamps[0];
    });
  } else {
    version = FirstVersion(key, from, board_.begun(key), std::nullopt,
                           [&](const State& state) { return index >= state.stamps().size(); });
  }
  if (!version.has_value()) {
    return Fault(key, from,
                 "Find of record " + std::to_string(index) +
                     (pair.valid() ? " gives what was never there" : " finds nothing"));
  }
  seen_[key] = std::max(seen_[key], *version);
}

void Reader::FindManyPairs() {
  std::vector<std::size_t> keys(kFoundTogether);
  std::vector<Version> from;
  std::vector<std::string> outers;
  std::vector<PairAddress> pairs;
  std::vector<EntryAddress> entries;
  for (std::size_t& key : keys) {
    key = random_() % Keys().size();
    from.push_back(Earliest(key));
    outers.push_back(OuterName(Keys()[key].outer));
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    pairs.push_back({outers[i], Keys()[keys[i]].inner, random_() % 3, "id"});
    entries.push_back({outers[i], Keys()[keys[i]].inner});
  }
  const ReadGuard guard(cache_);
  std::vector<PairCursor> found_pairs(pairs.size());
  guard.FindMany(pairs, found_pairs);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    CheckPair(keys[i], pairs[i].index, from[i], found_pairs[i]);
  }
  std::vector<EntryReader> found_entries(entries.size());
  guard.GetMany(entries, found_entries);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Check(keys[i], from[i], Observe(keys[i], found_entries[i]));
  }
}

void Reader::AskOuter(std::size_t outer) {
  const std::uint64_t from = board_.outer_written(outer);
  const ReadGuard guard(cache_);
  const bool there = guard.HasOuter(OuterName(outer));
  const std::uint64_t to = board_.outer_begun(outer);
  if (demand_ == Demand::kStrict && from == to && there != (from % 2 == 1)) {
    faults_.Add("HasOuter is wrong about " + OuterName(outer));
  }
}

void Reader::EnumerateOuters(Guards guards) {
  std::uint64_t from[kOuters];
  for (std::size_t outer = 0; outer < kOuters; ++outer) from[outer] = board_.outer_written(outer);
  std::size_t met[kOuters] = {};
  GuardOfStep guard(cache_, guards);
  OuterCursor cursor;
  while (cursor.Next(guard())) {
    const std::size_t outer = OuterNamed(cursor.outer());
    if (outer == kOuters) {
      faults_.Add("an outer that was never put: '" + std::string(cursor.outer()) + "'");
      return;
    }
    if (cursor.entry_count() > Keys().size()) faults_.Add("an outer with too many entries");
    ++met[outer];
  }
  if (!cursor.status().ok()) faults_.Add(cursor.status().ToString());
  for (std::size_t outer = 0; outer < kOuters; ++outer) {
    const bool stayed = demand_ == Demand::kStrict && from[outer] == board_.outer_begun(outer);
    const bool there = from[outer] % 2 == 1;
    if (met[outer] > 1 || (stayed && met[outer] != (there ? 1 : 0))) {
      faults_.Add(OuterName(outer) + " met " + std::to_string(met[outer]) + " times");
    }
  }
}

void Reader::EnumerateEntries(std::size_t outer, Guards guards) {
  const std::vector<Version> from = EarliestOfAll();
  std::vector<std::size_t> met(Keys().size());
  GuardOfStep guard(cache_, guards);
  EntryCursor cursor = outer == kOuters ? EntryCursor() : EntryCursor(OuterName(outer));
  while (cursor.Next(guard())) {
    if (!cursor.entry()) {  // an outer without entries
      if (outer != kOuters || OuterNamed(cursor.outer()) == kOuters) {
        faults_.Add("met without an entry: '" + std::string(cursor.outer()) + "'");
      }
      continue;
    }
    const std::size_t key = KeyNamed(cursor.outer(), cursor.inner());
    if (key == Keys().size()) {
      faults_.Add("a key that was never put: '" + std::string(cursor.inner()) + "'");
      return;
    }
    Check(key, from[key], Observe(key, cursor.entry()));
    ++met[key];
  }
  if (!cursor.status().ok()) faults_.Add(cursor.status().ToString());
  CheckMet(outer, from, met);
}

void Reader::CheckMet(std::size_t outer, const std::vector<Version>& from,
                      const std::vector<std::size_t>& met) {
  for (std::size_t key = 0; key < met.size(); ++key) {
    const bool asked = outer == kOuters || Keys()[key].outer == outer;
    if (met[key] > (asked ? 1 : 0)) {
      Fault(key, from[key], "met " + std::to_string(met[key]) + " times in one enumeration");
    }
    if (demand_ == Demand::kLoose || !asked || met[key] > 0) continue;
    const auto absent = FirstVersion(key, from[key], board_.begun(key), std::nullopt,
                                     [](const State& state) { return !state.present(); });
    if (!absent.has_value()) Fault(key, from[key], "was there all the time and not met");
  }
}

void Reader::HoldViews(std::uint64_t writes) {
  const std::uint64_t until = board_.writes() + writes;
  const ReadGuard guard(cache_);
  std::vector<HeldEntry> held;
  std::vector<std::size_t> keys;
  for (std::size_t i = 0; i < kHeldEntries; ++i) {
    const std::size_t key = random_() % Keys().size();
    const Version from = Earliest(key);
    const EntryReader entry = guard.Get(OuterName(Keys()[key].outer), Keys()[key].inner);
    Check(key, from, Observe(key, entry));
    if (!entry) continue;
    held.emplace_back(entry);
    keys.push_back(key);
  }
  while (board_.writing() && board_.writes() < until) {
    ReadEntry(random_() % Keys().size());
    FindPair(random_() % Keys().size());
  }
  for (std::size_t i = 0; i < held.size(); ++i) {
    if (!held[i].Unchanged()) Fault(keys[i], 0, "what a view gives has changed under its guard");
  }
}

void Reader::OpenManyGuards(std::size_t guards) {
  std::list<ReadGuard> open;
  std::list<std::optional<HeldEntry>> held;
  for (std::size_t i = 0; i < guards; ++i) {
    const std::size_t key = random_() % Keys().size();
    const Version from = Earliest(key);
    const ReadGuard& guard = open.emplace_back(cache_);
    const EntryReader entry = guard.Get(OuterName(Keys()[key].outer), Keys()[key].inner);
    Check(key, from, Observe(key, entry));
    held.emplace_back();
    if (entry) held.back().emplace(entry);
  }
  // The oldest first: what a guard showed does not hang on one that was opened before it.
  for (; !open.empty(); open.pop_front(), held.pop_front()) {
    if (held.front().has_value() && !held.front()->Unchanged()) {
      faults_.Add("one of many guards did not keep what it showed");
    }
  }
}

void Reader::AskCounts() {
  const Counts counts = cache_.counts();
  if (counts.outers > kOuters || counts.entries > Keys().size()) {
    faults_.Add("counts() gives " + std::to_string(counts.outers) + " outers, " +
                std::to_string(counts.entries) + " entries");
  }
  const std::uint64_t before = cache_.memory().allocations;
  if (cache_.memory().allocations < before) faults_.Add("memory() goes back");
}

}  // namespace strata::stress
