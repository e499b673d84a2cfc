// What Maintain does for the indexes of the packed layout once much was deleted: tables that have
// become small go back into their outers, tables of high numbers get low ones, shards lose their
// tombstones, and what is left is packed (slab_blocks.h); then what that has made idle goes back.
//
// Everything here goes on where a budget ended, and begins anew where there was no memory.
#include <algorithm>
#include <cstring>

#include <strata/process_memory.h>

#include "cache/packed/packed_map.h"

namespace strata::packed {
namespace {

// As small a share of the tables is not given back; and tables get lower numbers where so small a
// share of all memory is given back by that.
constexpr std::size_t kFewTables = 16;
constexpr std::size_t kTablesShare = 64;
// So much may wait for guards to end beside its copy, and so large a share of all.
constexpr std::uint64_t kKeptBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kKeptShare = 64;
// What must have been given back of small blocks for the allocator to be asked for its pages.
constexpr std::uint64_t kTrimmedBytes = std::uint64_t{1} << 20;

}  // namespace

void PackedMap::BeginTidying(bool packs) {
  tidied_erased_ = erased_;
  tidying_ = Tidying::kOuters;
  tidying_packs_ = packs;
  tidy_from_ = 0;
  lowered_all_ = true;
  tables_limit_ = 0;
  if (!WantsLowerTables()) return;
  tables_limit_ = static_cast<std::uint32_t>(PresentTables() - free_table_count_);
  SortFreeTables();
}

bool PackedMap::WantsLowerTables() const {
  const std::size_t free = free_table_count_;
  const std::size_t all = PresentTables();
  return free > all / 2 && free < all && free >= lower_again_at_ && !TooMuchIsKept() &&
         free * sizeof(Table) > door_.allocated_bytes() / kTablesShare;
}

bool PackedMap::TooMuchIsKept() const {
  return RetiredBytes() > kKeptBytes + door_.allocated_bytes() / kKeptShare;
}

void PackedMap::BeginTidyingTables() {
  tidying_ = Tidying::kTables;
  tidy_table_ = 0;
  tidy_from_ = 0;
  // Tables that come from here on are not packed: they are younger than this era.
  eras_.Advance();
  FreeUnpinned();
  tidying_since_ = eras_.now();
  if (tidying_packs_) index_blocks_.BeginPacking();
}

void PackedMap::EndTidying() {
  erased_ -= tidied_erased_;
  // What could not be moved for now is tried again, what never can is not.
  if (tables_limit_ != 0 && lowered_all_) {
    lower_again_at_ = free_table_count_ + tables_.size() / kFewTables;
  }
  if (!tidying_packs_) return;
  index_blocks_.EndPacking(retired_.bytes() + retired_table_bytes_);
  heap_has_holes_ = true;
}

bool PackedMap::TidyOuter(Location location, std::size_t* looked_at) {
  const OuterBlob outer = ReadOuter(location);
  *looked_at += sizeof(location);
  if (FitsInline(outer)) {
    *looked_at += kMaxInlineBytes;
    return MoveInline(location);
  }
  if (!WantsLowerTable(outer)) return true;
  if (!MayMove(outer)) {
    lowered_all_ = lowered_all_ && !TooMuchIsKept();
    return true;
  }
  const std::uint64_t before = log_.filled_bytes();
  const bool moved = MoveToLowerTable(location);
  *looked_at += log_.filled_bytes() - before;
  return moved;
}

PackedMap::Tidied PackedMap::TidyOuters(std::size_t* budget_bytes) {
  const Index* const outers = root();
  if (outers == nullptr) return Tidied::kAll;
  ReadPin pin = WriterPin();
  do {
    bool ok = true;
    std::size_t looked_at = 0;
    tidy_from_ = outers->VisitShardOf(tidy_from_, pin, [&](std::uint64_t location) {
      ok = ok && TidyOuter(location, &looked_at);
    });
    if (!ok) return Tidied::kNoMemory;
    *budget_bytes -= std::min(*budget_bytes, looked_at);
    if (tidy_from_ == 0) return Tidied::kAll;
  } while (*budget_bytes > 0);
  return Tidied::kSpent;
}

PackedMap::Tidied PackedMap::TidyTables(std::size_t* budget_bytes) {
  const IndexBlocks::Packing packing(&index_blocks_, tidying_packs_);
  for (bool first = true; tidy_table_ < tables_.size(); ++tidy_table_, first = false) {
    if (*budget_bytes == 0 && !first) return Tidied::kSpent;
    if (tidying_packs_ && TooMuchIsKept()) {
      eras_.Advance();
      FreeUnpinned();
      if (TooMuchIsKept()) return Tidied::kWaits;
    }
    *budget_bytes -= std::min(*budget_bytes, sizeof(Table));
    if (!TidyTable(tidy_table_, budget_bytes)) return Tidied::kNoMemory;
    if (tidy_from_ != 0) return Tidied::kSpent;
  }
  return Tidied::kAll;
}

bool PackedMap::TidyTable(std::uint32_t number, std::size_t* budget_bytes) {
  Table& table = tables_[number];
  // What a table's slots led to is gone once it is out of use.
  const bool in_use = table.use == Table::Use::kInUse;
  if (!in_use) tidy_from_ = 0;
  // Near the limit what is left stays where it is.
  const bool has_room = door_.allocated_bytes() + SegmentStore::kSegmentBytes <= write_limit_bytes_;
  const bool packs = tidying_packs_ && has_room && table.born < tidying_since_;
  if (!in_use || (tidy_from_ == 0 && !packs && !table.index.WantsTidying(0))) return true;
  if (number == root_.load(std::memory_order_relaxed)) {
    return table.index.Tidy(table_memory_, OuterHash(), packs, &tidy_from_, budget_bytes);
  }
  return table.index.Tidy(table_memory_, InnerHash(), packs, &tidy_from_, budget_bytes);
}

bool PackedMap::TidyIndexes(std::size_t budget_bytes) {
  if (tidying_ == Tidying::kNot) {
    const bool packs = index_blocks_.WantsPacking() && MayRetain();
    const bool wanted = packs || WantsLowerTables() || erased_ >= 64 + counts_.entries / 16;
    if (!wanted) return false;
    BeginTidying(packs);
  }
  Tidied tidied = Tidied::kAll;
  if (tidying_ == Tidying::kOuters) {
    tidied = TidyOuters(&budget_bytes);
    if (tidied == Tidied::kAll) {
      BeginTidyingTables();
      // What was put back into outers is dead now, and first to be cleaned.
      return true;
    }
  } else {
    tidied = TidyTables(&budget_bytes);
  }
  if (tidied == Tidied::kSpent) return true;
  // It goes on when guards have ended.
  if (tidied == Tidied::kWaits) return false;
  // Without memory all stays to be done, from the beginning, the next time somebody asks.
  if (tidied == Tidied::kAll) EndTidying();
  tidying_ = Tidying::kNot;
  ReclaimSome(true);
  // What the outers' pass kept may have been too much for the rest of them.
  return tidied == Tidied::kAll && WantsLowerTables();
}

void PackedMap::ShrinkTables() {
  DropLastTables();
  // What is free now has a number below that of a large outer, which is not moved.
  if (WantsLowerTables() || free_table_count_ < release_again_at_ ||
      free_table_count_ * sizeof(Table) <= door_.allocated_bytes() / kTablesShare) {
    return;
  }
  tables_.ReleasePages(
      [this](std::size_t number) { return tables_[number].use == Table::Use::kFree; });
  tables_limit_ = 0;
  SortFreeTables();
  release_again_at_ = free_table_count_ + tables_.size() / kFewTables;
  lower_again_at_ = std::min(lower_again_at_, release_again_at_);
}

void PackedMap::DropLastTables() {
  std::size_t size = tables_.size();
  while (size > 0 && tables_[size - 1].use == Table::Use::kFree) --size;
  if (tables_.size() - size <= tables_.size() / kFewTables) return;
  for (std::size_t number = size; number < tables_.size(); ++number) {
    if (tables_.IsAbsent(number)) continue;
    std::memset(static_cast<void*>(&tables_[number]), 0, sizeof(Table));
  }
  tables_.Shrink(size);
  tables_limit_ = 0;
  lower_again_at_ = 0;
  SortFreeTables();
}

void PackedMap::SortFreeTables() {
  free_tables_ = high_tables_ = kNoTable;
  free_table_count_ = 0;
  for (std::size_t number = tables_.size(); number > 0; --number) {
    if (tables_.IsAbsent(number - 1) || tables_[number - 1].use != Table::Use::kFree) continue;
    FreeTable(static_cast<std::uint32_t>(number - 1));
  }
}

void PackedMap::TrimHeap() {
  const std::uint64_t now = door_.heap_bytes();
  if (!heap_has_holes_ && most_heap_bytes_ < now + std::max(kTrimmedBytes, now / 8)) return;
  heap_has_holes_ = false;
  most_heap_bytes_ = now;
  TrimAllocator();
}

}  // namespace strata::packed
