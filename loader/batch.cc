// A batch: changes, and for the entries among them one array of pairs and one of record ends that
// all share. Strings lie in an arena and never move, so pairs are plain views.
//
//     changes        pairs               record_ends (counted from the entry's first pair)
//     [put a/x] ───► [k=v][k=v][k=v]     [1][3]
//     [put a/y] ───► [k=v]               [1]
//
// A pair costs its text, 32 bytes of views and, a record, 8 bytes.
#include <utility>

#include <strata/source.h>

#include "loader/growing_array.h"
#include "loader/outer_set.h"
#include "loader/text_arena.h"

namespace strata {
namespace {

// What Clear keeps: 1 MiB each of text and pairs, 512 KiB each of record ends and changes.
constexpr std::size_t kKeptTextBytes = std::size_t{1} << 20;
constexpr std::size_t kKeptPairBytes = std::size_t{1} << 20;
constexpr std::size_t kKeptArrayBytes = std::size_t{512} << 10;

struct StoredChange {
  Change::Kind kind;
  std::string_view outer;
  std::string_view inner;
  std::size_t pairs_begin;
  std::size_t pairs_end;
  std::size_t records_begin;
  std::size_t records_end;
  double times;
};

}  // namespace

struct Batch::State {
  TextArena text;
  GrowingArray<StoredChange> changes;
  GrowingArray<Pair> pairs;
  GrowingArray<std::size_t> record_ends;
  StoredChange open{};          // the entry that is being filled
  std::string_view last_outer;  // in the arena; consecutive changes mostly share it
  bool has_last_outer = false;

  std::string_view StoreOuter(std::string_view outer) {
    if (!has_last_outer || outer != last_outer) {
      last_outer = text.Copy(outer);
      has_last_outer = true;
    }
    return last_outer;
  }
};

Batch::Batch() : state_(std::make_unique<State>()) {}
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;
Batch::~Batch() = default;

void Batch::AddOuterChange(Change::Kind kind, std::string_view outer) {
  const std::size_t pairs = state_->pairs.size();
  const std::size_t records = state_->record_ends.size();
  state_->changes.push_back(
      {kind, state_->StoreOuter(outer), {}, pairs, pairs, records, records, 0});
}

void Batch::AddDeleteEntry(std::string_view outer, std::string_view inner) {
  BeginEntry(outer, inner);
  state_->open.kind = Change::Kind::kDeleteEntry;
  EndEntry();
}

void Batch::BeginEntry(std::string_view outer, std::string_view inner) {
  const std::string_view stored_outer = state_->StoreOuter(outer);
  const std::size_t pairs = state_->pairs.size();
  const std::size_t records = state_->record_ends.size();
  state_->open = {Change::Kind::kPutEntry,
                  stored_outer,
                  state_->text.Copy(inner),
                  pairs,
                  pairs,
                  records,
                  records,
                  0};
}

void Batch::BeginPart(std::string_view outer, std::string_view inner, double times) {
  BeginEntry(outer, inner);
  state_->open.kind = Change::Kind::kAppendEntry;
  state_->open.times = times;
}

void Batch::BeginRecord() {
  state_->record_ends.push_back(state_->pairs.size() - state_->open.pairs_begin);
}

void Batch::AddPair(std::string_view key, std::string_view value) {
  const std::string_view stored_key = state_->text.Copy(key);
  state_->pairs.push_back({stored_key, state_->text.Copy(value)});
  state_->record_ends.back() = state_->pairs.size() - state_->open.pairs_begin;
}

void Batch::EndEntry() {
  state_->open.pairs_end = state_->pairs.size();
  state_->open.records_end = state_->record_ends.size();
  state_->changes.push_back(state_->open);
}

void Batch::Truncate(std::size_t count) {
  GrowingArray<StoredChange>& changes = state_->changes;
  if (count < changes.size()) changes.Truncate(count);
  // Changes are in the order of their pairs, also after some were dropped from between.
  state_->pairs.Truncate(changes.empty() ? 0 : changes.back().pairs_end);
  state_->record_ends.Truncate(changes.empty() ? 0 : changes.back().records_end);
}

void Batch::DropOuter(std::string_view outer) {
  GrowingArray<StoredChange>& changes = state_->changes;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].outer != outer) changes[kept++] = changes[i];
  }
  changes.Truncate(kept);
}

void Batch::KeepLastOpenings(std::size_t first) {
  GrowingArray<StoredChange>& changes = state_->changes;
  const auto opens = [&](std::size_t index) {
    return changes[index].kind == Change::Kind::kPutOuter;
  };
  // Backwards, an opening and what follows it at a time: the first seen of an outer is its last.
  OuterSet seen;
  std::size_t kept = changes.size();  // changes from here on stay, moved to the array's end
  for (std::size_t end = changes.size(); end > first;) {
    std::size_t begin = end - 1;
    while (begin > first && !opens(begin)) --begin;
    if (!opens(begin) || seen.Insert(changes[begin].outer)) {
      for (std::size_t i = end; i > begin; --i) changes[--kept] = changes[i - 1];
    }
    end = begin;
  }
  if (kept == first) return;
  std::size_t size = first;
  for (std::size_t i = kept; i < changes.size(); ++i) changes[size++] = changes[i];
  changes.Truncate(size);
}

void Batch::Clear() {
  state_->text.Clear(kKeptTextBytes);
  state_->changes.Clear(kKeptArrayBytes);
  state_->pairs.Clear(kKeptPairBytes);
  state_->record_ends.Clear(kKeptArrayBytes);
  state_->has_last_outer = false;
}

std::size_t Batch::size() const { return state_->changes.size(); }

std::size_t Batch::text_bytes() const { return state_->text.text_bytes(); }

std::size_t Batch::memory_bytes() const {
  return state_->text.text_bytes() + state_->changes.size_bytes() + state_->pairs.size_bytes() +
         state_->record_ends.size_bytes();
}

Change Batch::operator[](std::size_t index) const {
  const StoredChange& change = state_->changes[index];
  return {change.kind, change.outer, change.inner,
          RecordsView(state_->pairs.range(change.pairs_begin, change.pairs_end),
                      state_->record_ends.range(change.records_begin, change.records_end)),
          change.times};
}

}  // namespace strata
