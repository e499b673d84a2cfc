#include "tests/cache/stress_writer.h"

#include <mutex>
#include <string>
#include <utility>

namespace strata::stress {
namespace {

constexpr std::size_t kMaintainBytes = std::size_t{64} << 10;

std::string NameOf(std::size_t key) {
  return "key " + std::to_string(key) + " of " + OuterName(Keys()[key].outer);
}

// Whether the number says that the outer is there.
bool IsThere(std::uint64_t turns) { return turns % 2 == 1; }

}  // namespace

RecordsView HandedIn::view() {
  list_.Clear();
  for (const OwnedRecord& record : records_) {
    list_.BeginRecord();
    for (const auto& [key, value] : record) list_.AddPair(key, value);
  }
  return list_.view();
}

Script::Script() {
  for (std::size_t key = 0; key < Keys().size(); ++key) states.emplace_back(key, 0);
}

Writer::Writer(Cache& cache, Script& script, Board& board, Faults& faults, std::size_t number,
               std::size_t writers)
    : cache_(cache), script_(script), board_(board), faults_(faults), random_(number) {
  for (std::size_t key = number; key < Keys().size(); key += writers) keys_.push_back(key);
  board_.AddWriter();
}

void Writer::Run(std::size_t operations) {
  for (std::size_t i = 0; i < operations; ++i) Operate();
  board_.EndWriter();
}

void Writer::Operate() {
  const std::uint64_t choice = random_() % 10'000;
  const std::size_t outer = random_() % kOuters;
  if (choice < 1) {
    Clear();
  } else if (choice < 20) {
    DeleteOuter(outer);
  } else if (choice < 120) {
    PutOuter(outer);
  } else if (choice < 320) {
    cache_.Maintain(kMaintainBytes);
  } else if (choice < 325) {
    CheckLedger();
  } else {
    Advance(keys_[random_() % keys_.size()]);
  }
  board_.CountWrite();
}

void Writer::Advance(std::size_t key) {
  const std::shared_lock<std::shared_mutex> lock(script_.turns);
  const std::size_t outer = Keys()[key].outer;
  State& state = script_.states[key];
  State next = state;
  const Action action = next.Advance();
  // The other writer may make the same outer now; nobody deletes it.
  const std::uint64_t turns = board_.outer_begun(outer);
  const std::uint64_t there = IsThere(turns) ? turns : turns + 1;
  board_.BeginOuter(outer, there);
  board_.Begin(key, next.version());
  const absl::Status status = Write(key, action, next);
  if (!status.ok()) faults_.Add(NameOf(key) + ": " + status.ToString());
  board_.End(key, next.version());
  board_.EndOuter(outer, there);
  state = std::move(next);
}

absl::Status Writer::Write(std::size_t key, const Action& action, const State& next) {
  const std::string outer = OuterName(Keys()[key].outer);
  const std::string& inner = Keys()[key].inner;
  HandedIn records;
  if (action.kind == Action::Kind::kPut) {
    for (const Stamp& stamp : next.stamps()) {
      records.Add(RecordOf(key, next.generation(), stamp));
    }
    return cache_.Put(outer, inner, records.view());
  }
  if (action.kind == Action::Kind::kDelete) {
    return cache_.Delete(outer, inner) ? absl::OkStatus() : absl::NotFoundError("Delete");
  }
  if (action.kind == Action::Kind::kRemove) return cache_.RemoveRecord(outer, inner, action.index);
  const Stamp stamp = {.step = next.version() % kSteps, .ordinal = 0};
  records.Add(RecordOf(key, next.generation(), stamp));
  const RecordsView list = records.view();
  switch (action.kind) {
    case Action::Kind::kAppend:
      // Also as a part of what is to become longer, or has become shorter, than it is.
      if (next.version() % 2 == 0) {
        return cache_.AppendRecords(outer, inner, list, static_cast<double>(next.version() % 6));
      }
      return cache_.Append(outer, inner, list[0]);
    case Action::Kind::kUpdate:
      return cache_.UpdateRecord(outer, inner, action.index, list[0]);
    default:
      return cache_.InsertRecord(outer, inner, action.index, list[0]);
  }
}

void Writer::MakeOuter(std::size_t outer) {
  const std::uint64_t turns = board_.outer_begun(outer);
  const std::uint64_t there = IsThere(turns) ? turns : turns + 1;
  board_.BeginOuter(outer, there);
  const absl::Status status = cache_.PutOuter(OuterName(outer));
  if (!status.ok()) faults_.Add("PutOuter: " + status.ToString());
  board_.EndOuter(outer, there);
}

void Writer::PutOuter(std::size_t outer) {
  const std::shared_lock<std::shared_mutex> lock(script_.turns);
  MakeOuter(outer);
}

void Writer::BeginDeleting(std::size_t outer) {
  for (std::size_t key = 0; key < Keys().size(); ++key) {
    State& state = script_.states[key];
    if (Keys()[key].outer != outer || !state.present()) continue;
    while (state.present()) state.Advance();
    board_.Begin(key, state.version());
  }
  const std::uint64_t turns = board_.outer_begun(outer);
  if (IsThere(turns)) board_.BeginOuter(outer, turns + 1);
}

void Writer::EndDeleting(std::size_t outer) {
  for (std::size_t key = 0; key < Keys().size(); ++key) {
    if (Keys()[key].outer == outer) board_.End(key, script_.states[key].version());
  }
  board_.EndOuter(outer, board_.outer_begun(outer));
}

void Writer::DeleteOuter(std::size_t outer) {
  const std::unique_lock<std::shared_mutex> lock(script_.turns);
  const bool was_there = IsThere(board_.outer_begun(outer));
  BeginDeleting(outer);
  if (cache_.DeleteOuter(OuterName(outer)) != was_there) {
    faults_.Add("DeleteOuter is wrong about whether there was " + OuterName(outer));
  }
  EndDeleting(outer);
}

void Writer::Clear() {
  const std::unique_lock<std::shared_mutex> lock(script_.turns);
  for (std::size_t outer = 0; outer < kOuters; ++outer) BeginDeleting(outer);
  cache_.Clear();
  for (std::size_t outer = 0; outer < kOuters; ++outer) EndDeleting(outer);
}

void Writer::CheckLedger() {
  const Footprint footprint = cache_.MeasureFootprint();
  if (footprint.total_bytes() != footprint.allocated_bytes) {
    faults_.Add("beside readers and writers the walk finds " +
                std::to_string(footprint.total_bytes()) + " bytes, the door handed out " +
                std::to_string(footprint.allocated_bytes));
  }
}

}  // namespace strata::stress
