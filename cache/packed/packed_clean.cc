// The cleaner of the packed layout: what still lives in a mostly dead segment moves to the cleaning
// head, and the segment goes back to the system.
//
// It has no thread and no clock. Every write pays for it in proportion to what it wrote, as long as
// more of the log is dead than kDeadShare; Maintain goes on to kIdleDeadShare. A blob is moved by
// rewriting it: strings that have come into the dictionary since become tokens, and those that are
// there for it alone go back inline. What was rewritten before, and a list that grows, a write
// moves as they are, and the rest too while rewriting changes little; Maintain rewrites them.
//
// When little is dead, it shortens the dictionary's table, if that is what most of the rest is.
//
// What is taken out of readers' reach is retired, and freed by ReclaimSome once no guard is as old.
//
// A segment is left half cleaned when the budget is spent: what lives in it is still where the
// indexes say, and the walk goes on at cleaning_offset_. The segment does not grow meanwhile, for
// it is no head.
#include <algorithm>
#include <cstring>
#include <utility>

#include "cache/packed/packed_map.h"

namespace strata::packed {
namespace {

// Live bytes are kept at about 0.88 of the cache's, or better: so much of the log may be dead, less
// what of the dictionary's table is, but not less than the second.
constexpr double kDeadShare = 0.09;
constexpr double kLeastDeadShare = 0.05;
constexpr double kIdleDeadShare = 0.010;
// A victim with less dead than this costs more than it gives back; with time to spare, than that.
constexpr double kVictimShare = 0.05;
constexpr double kIdleVictimShare = 0.02;
// Where no victim was found, another is looked for when so much more of the log is dead.
constexpr std::uint64_t kSearchShare = 128;
// Segments a write looks at for one: of a log of up to 1 GiB all; 50 µs.
constexpr std::size_t kSearchPerWrite = 4096;
// Bytes of a victim that are walked for each byte written, and for each write.
constexpr std::size_t kCleanPerByte = 12;
constexpr std::size_t kCleanPerWrite = 2048;
// Less than one in so many entries came out changed, of as many as tell: rewriting does not pay,
// and is tried again with one blob of so many.
constexpr std::uint32_t kLeastChanged = 16;
constexpr std::uint32_t kEnoughRewritten = 512;
constexpr std::uint32_t kTriedAgain = 16;
// Writes shorten the dictionary's table where so large a share of the log is dead in it, and free
// so many of its numbers at once; Maintain always does.
constexpr double kShrinkShare = 0.02;
constexpr std::size_t kNumbersAtOnce = 4096;
// What a write that finds no room under the limit lets the cleaner walk before it tries again.
constexpr std::size_t kUrgentBytes = std::size_t{8} << 20;
// Looking for what may be freed makes every reader's next read a little dearer, so it waits until
// so much has been retired.
constexpr std::uint64_t kReclaimBytes = SegmentStore::kSegmentBytes;

}  // namespace

// Gives back buffers that have become large.
void PackedMap::TrimScratch() {
  lists_.Trim();
  if (body_.capacity_bytes() > SegmentStore::kSegmentBytes) body_.Free();
  if (token_.capacity_bytes() > SegmentStore::kSegmentBytes) token_.Free();
}

void PackedMap::AfterWrite(std::uint64_t filled_before) {
  TrimScratch();  // what it gives back the cleaner may take
  const std::size_t written = static_cast<std::size_t>(log_.filled_bytes() - filled_before);
  if (settings_.clean_on_write) {
    CleanSome(kCleanPerWrite + kCleanPerByte * written, kDeadShare, false);
    TrimScratch();
  }
  ReclaimSome(false);
  shapes_.SweepSome();
  most_heap_bytes_ = std::max(most_heap_bytes_, door_.heap_bytes());
  Publish();
  version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  if (settings_.audit_every_writes != 0 && writes_ % settings_.audit_every_writes == 0) Audit();
}

bool PackedMap::Maintain(std::size_t budget_bytes) {
  const std::lock_guard lock(mutex_);
  const bool more = MaintainSome(budget_bytes);
  TrimScratch();
  Publish();
  return more;
}

bool PackedMap::MaintainSome(std::size_t budget_bytes) {
  ReclaimSome(true);
  shapes_.Shrink();
  const Cleaned cleaned = CleanSome(budget_bytes, kIdleDeadShare, true);
  bool more = cleaned == Cleaned::kSpent;
  if (cleaned == Cleaned::kAll && BeginGathering()) {
    more = CleanSome(budget_bytes, kIdleDeadShare, true) != Cleaned::kNoMemory;
  }
  ReclaimSome(true);
  if (more || strings_.Trim(budget_bytes) || shapes_.Tidy(budget_bytes)) return true;
  if (TidyIndexes(budget_bytes)) return true;
  ShrinkTables();
  shapes_.Shrink();
  TrimHeap();
  // When nothing is left to clean, the rest goes into what makes reading faster.
  std::size_t spent = 0;
  do {
    if (!log_.UniteOne()) return false;
    spent += MemoryDoor::kHugePageBytes;
  } while (spent < budget_bytes);
  return true;
}

// Chooses a segment to rewrite though little of it is dead: for a table of strings that has become
// too long, or to fill groups of segments. False where neither is wanted.
bool PackedMap::BeginGathering() {
  eras_.Advance();
  if (!MayRetain()) return false;
  return ShrinkNumbers(true) || BeginCleaning(log_.Scattered());
}

// The next segment on the way to a shorter table; false where there is none, for now or at all. A
// step is through when all segments are that were there when it began; what is written meanwhile
// goes to others.
bool PackedMap::ShrinkNumbers(bool idle) {
  Dictionary& dictionary = strings_.dictionary();
  if (shrinking_ == Shrinking::kNot) {
    const double dead = static_cast<double>(dictionary.dead_bytes());
    const bool pays = idle || dead > kShrinkShare * static_cast<double>(log_.taken_bytes());
    const bool shrinks = pays && dictionary.WantsShrinking(idle);
    if (!shrinks && !(idle && shapes_.WantGivingUp(door_.allocated_bytes()))) return false;
    shrinking_by_writes_ = false;
  }
  shrinking_by_writes_ = shrinking_by_writes_ || !idle;
  if (!idle) eras_.Advance();
  if (shrinking_ == Shrinking::kNot) BeginShrinkingStep(Shrinking::kDropsFirst);
  const std::size_t most = idle ? log_.size() : kSearchPerWrite;
  while (true) {
    const SegmentStore::Segment next =
        shrinking_ == Shrinking::kRewrites
            ? log_.OlderThan(shrinking_since_, most, &shrinking_from_)
            : log_.DroppableBefore(shrinking_since_, most, &shrinking_from_);
    if (BeginCleaning(next)) return true;
    if (shrinking_from_ < log_.size()) return false;
    if (shrinking_ == Shrinking::kDropsLast) break;
    const bool dropped = shrinking_ == Shrinking::kDropsFirst;
    // The numbers of what was unused are among those to give anew.
    if (dropped) dictionary.BeginShrinking();
    if (dropped && idle) shapes_.BeginGivingUp(door_.allocated_bytes());
    // Shapes that were given up name strings that are to be dropped.
    if (!dropped && idle) {
      eras_.Advance();
      shapes_.SweepAll();
      eras_.Advance();
    }
    BeginShrinkingStep(dropped ? Shrinking::kRewrites : Shrinking::kDropsLast);
  }
  while (!dictionary.EndShrinking(kNumbersAtOnce, shrinking_by_writes_)) {
    if (!idle) return false;
  }
  shrinking_ = Shrinking::kNot;
  shapes_.EndGivingUp();
  // What lies in the heads, of a small store much, may now be gathered, and is rewritten then.
  log_.Seal();
  return false;
}

void PackedMap::BeginShrinkingStep(Shrinking step) {
  log_.Seal();
  shrinking_ = step;
  shrinking_since_ = eras_.now();
  shrinking_from_ = 0;
}

// For a write that found no room: whether there is more of it now.
bool PackedMap::MakeRoom() {
  const bool is_limited = settings_.memory_limit_bytes != MemoryDoor::kNoLimit;
  if (!is_limited && !log_.out_of_addresses()) return false;
  TrimScratch();
  const std::uint64_t before = ClaimedBytes();
  CleanSome(kUrgentBytes, kIdleDeadShare, true);
  ReclaimSome(true);
  return ClaimedBytes() < before;
}

void PackedMap::ReclaimSome(bool all) {
  const std::uint64_t retired = RetiredBytes();
  kept_bytes_ = std::min(kept_bytes_, retired);
  const bool anything = retired > 0 || retired_tables_ != kNoTable || shapes_.unused() > 0;
  if (!anything || (!all && retired < kept_bytes_ + kReclaimBytes)) return;
  eras_.Advance();
  FreeUnpinned();
  if (all) shapes_.SweepAll();
  kept_bytes_ = RetiredBytes();
}

void PackedMap::FreeUnpinned() {
  log_.FreeUnpinned();
  retired_.FreeUnpinned();
  std::uint32_t kept = kNoTable;
  while (retired_tables_ != kNoTable) {
    const std::uint32_t number = retired_tables_;
    Table& table = tables_[number];
    retired_tables_ = table.next;
    if (eras_.Pinned(table.born, table.retired)) {
      table.next = std::exchange(kept, number);
    } else {
      retired_table_bytes_ -= table.index.size_bytes(table_memory_);
      FreeTable(number);
    }
  }
  retired_tables_ = kept;
}

// Whether there is memory for a segment that was cleaned beside its copy: else what is the
// cleaner's alone would go where it does not come back from while guards are open.
bool PackedMap::MayRetain() const {
  return !eras_.AnyGuard() || door_.allocated_bytes() <= write_limit_bytes_;
}

// Chooses the segment to clean; false where none is worth it.
bool PackedMap::NextVictim(double dead_share, bool idle) {
  const auto gain = [&] {
    return log_.dead_bytes() + (idle ? log_.room_bytes() + log_.untaken_bytes() : 0);
  };
  const auto is_enough = [&] {
    const double taken = static_cast<double>(log_.taken_bytes());
    double dead = dead_share * taken;
    if (!idle) {
      const double beside = static_cast<double>(strings_.dictionary().dead_bytes());
      dead = std::max(dead - beside, kLeastDeadShare * taken);
    }
    return static_cast<double>(gain()) > dead;
  };
  if (!is_enough() || (!idle && gain() < search_at_bytes_)) return false;
  eras_.Advance();
  // Guards may have ended since: Search asks how much they keep.
  if (log_.retired_bytes() > log_.dead_bytes()) FreeUnpinned();
  const SegmentStore::Wanted wanted{.least_share = idle ? kIdleVictimShare : kVictimShare,
                                    .with_room = idle,
                                    .with_addresses = idle && log_.out_of_addresses(),
                                    .may_retain = MayRetain(),
                                    .most_looked_at = idle ? log_.size() : kSearchPerWrite};
  const SegmentStore::Segment victim = log_.Search(wanted);
  // What it retired may have been enough.
  if (!is_enough()) return false;
  if (BeginCleaning(victim)) return true;
  // What is dead in the heads no write cleans; of a small store it is much.
  if (idle && log_.SealWasteful(wanted) && BeginCleaning(log_.Search(wanted))) {
    return true;
  }
  // The next write goes on where this one ended, until all were looked at.
  searched_ += wanted.most_looked_at;
  if (searched_ < log_.size()) return false;
  searched_ = 0;
  search_at_bytes_ = gain() + log_.taken_bytes() / kSearchShare;
  return false;
}

bool PackedMap::BeginCleaning(SegmentStore::Segment segment) {
  cleaning_ = segment;
  cleaning_offset_ = 0;
  if (segment == SegmentStore::kNoSegment) return false;
  search_at_bytes_ = 0;
  searched_ = 0;
  cleaning_fresh_ = log_.IsFresh(segment);
  return true;
}

// Whether a write that cleans should look all strings of the next blob up again, by what came of it
// lately.
bool PackedMap::RewritingPays() {
  if (shrinking_ == Shrinking::kRewrites) return true;
  if (!cleaning_fresh_) return false;
  if (rewritten_ < kEnoughRewritten || changed_ >= rewritten_ / kLeastChanged) return true;
  if (++moved_as_they_are_ < kTriedAgain) return false;
  moved_as_they_are_ = 0;
  return true;
}

void PackedMap::CountRewritten(bool changed) {
  ++rewritten_;
  changed_ += changed ? 1 : 0;
  if (rewritten_ < 2 * kEnoughRewritten) return;
  rewritten_ /= 2;
  changed_ /= 2;
}

PackedMap::Cleaned PackedMap::CleanSome(std::size_t budget_bytes, double dead_share, bool idle) {
  while (true) {
    if (cleaning_ == SegmentStore::kNoSegment && !NextVictim(dead_share, idle) &&
        (idle || !MayRetain() || !ShrinkNumbers(false))) {
      return Cleaned::kAll;
    }
    Location location = kNowhere;
    Blob blob;
    std::size_t at = cleaning_offset_;
    // A segment without anything live needs no walk.
    while ((log_.dead_bytes(cleaning_) < log_.filled_bytes(cleaning_) ||
            log_.unused_bytes(cleaning_) > 0) &&
           log_.NextBlob(cleaning_, &at, &location, &blob)) {
      Blob next;
      std::size_t after = at;
      Location next_location = kNowhere;
      if (log_.NextBlob(cleaning_, &after, &next_location, &next)) FetchSlot(next);
      const std::size_t bytes = log_.HeldBytes(location);
      // Without memory: try again later.
      if (!CleanBlob(location, blob, idle)) return Cleaned::kNoMemory;
      if (bytes >= budget_bytes) {
        cleaning_offset_ = at;
        return Cleaned::kSpent;
      }
      budget_bytes -= bytes;
      cleaning_offset_ = at;
    }
    log_.Retire(cleaning_);
    cleaning_ = SegmentStore::kNoSegment;
  }
}

bool PackedMap::CleanBlob(Location location, const Blob& blob, bool idle) {
  switch (blob.kind) {
    case BlobKind::kString:
      return strings_.dictionary().Move(location, blob);
    case BlobKind::kEntry:
      // Without its room the next record would copy a list that grows.
      if (!idle && ReadList(ReadEntryBlob(blob).list).word != nullptr) {
        return MoveBlob(location, blob);
      }
      return idle || RewritingPays() ? CleanEntry(location, blob) : MoveBlob(location, blob);
    case BlobKind::kOuter:
      return idle || RewritingPays() ? CleanOuter(location) : MoveBlob(location, blob);
    case BlobKind::kDead:
      break;
  }
  return true;
}

// Moves an outer's or entry's blob as it is, with its references, and with its room if it grows.
bool PackedMap::MoveBlob(Location location, const Blob& blob) {
  constexpr SegmentStore::Head kHead = SegmentStore::Head::kClean;
  const bool is_outer = blob.kind == BlobKind::kOuter;
  const StoredList list = is_outer ? StoredList{} : ReadList(ReadEntryBlob(blob).list);
  Location made = kNowhere;
  if (list.word != nullptr) {
    made = CopyEntry(kHead, blob, TableOf(blob), list.area_bytes);
  } else if (std::uint8_t* const to = log_.Append(kHead, blob.kind, blob.payload_bytes, &made)) {
    std::memcpy(to, blob.payload, blob.payload_bytes);
  }
  if (made == kNowhere) return false;
  cleaned_bytes_ += log_.HeldBytes(made);
  if (is_outer) {
    SetOuter(OuterHash()(location), location, made);
    return true;
  }
  tables_[TableOf(blob)].index.Replace(InnerHash()(location), location, made);
  KillEntry(location);
  return true;
}

// Fetches the slot that leads to an entry which is cleaned next.
void PackedMap::FetchSlot(const Blob& blob) const {
  if (blob.kind != BlobKind::kEntry) return;
  ReadPin pin = WriterPin();
  const std::uint64_t hash = HashOfInner(ReadEntryBlob(blob).inner, pin);
  tables_[TableOf(blob)].index.PrefetchSlot(hash, pin);
}

bool PackedMap::RewriteList(const std::uint8_t* list) {
  PrefetchList(list);
  const StoredList stored = ReadList(list);
  lists_.BeginLeavingOut();
  const std::uint8_t* at = stored.records;
  for (std::size_t i = 0; i < stored.count; ++i) {
    if (!lists_.AddRewritten(ReadRecord(at, shapes_))) {
      lists_.Rollback();
      return false;
    }
    at = SkipRecord(at, shapes_);
  }
  return true;
}

bool PackedMap::CleanEntry(Location location, const Blob& blob) {
  const std::uint64_t number = TableOf(blob);
  Index& index = tables_[number].index;
  const StoredEntry entry = ReadEntryBlob(blob);
  ReadPin pin = WriterPin();
  const std::uint64_t hash = HashOfInner(entry.inner, pin);
  if (!RewriteList(entry.list)) return false;
  token_.Clear();
  std::uint8_t* list = nullptr;
  const bool has_token = strings_.Rewrite(entry.inner, &token_);
  const Location made = has_token ? WriteEntry(SegmentStore::Head::kClean, number, token_.data(),
                                               token_.size(), lists_.size_bytes(), &list)
                                  : kNowhere;
  if (made == kNowhere) {
    if (has_token) ReleaseToken(token_.data());
    lists_.Rollback();
    return false;
  }
  lists_.CopyTo(list);
  if (cleaning_fresh_ && shrinking_ != Shrinking::kRewrites) {
    const Blob now = log_.At(made);
    CountRewritten(now.payload_bytes != blob.payload_bytes ||
                   std::memcmp(now.payload, blob.payload, now.payload_bytes) != 0);
  }
  index.Replace(hash, location, made);
  strings_.Release(entry.inner);
  ReleaseList(entry.list);
  KillEntry(location);
  cleaned_bytes_ += log_.HeldBytes(made);
  return true;
}

// Appends the entry, rewritten, to body_.
bool PackedMap::RewriteInlineEntry(const StoredEntry& entry) {
  if (!RewriteList(entry.list)) return false;
  const std::size_t list_bytes = lists_.size_bytes();
  const std::uint64_t list_head = std::uint64_t{list_bytes} << 1;
  // Room first, so that once the token has its reference nothing fails.
  char scratch[kNumberScratchBytes];
  ReadPin pin = WriterPin();
  const std::size_t inner_bytes =
      InlineTokenSize(strings_.Text(entry.inner, scratch, pin).size()) + kMaxVarintBytes;
  if (!body_.TryReserve(body_.size() + inner_bytes + VarintSize(list_head) + list_bytes) ||
      !strings_.Rewrite(entry.inner, &body_)) {
    lists_.Rollback();
    return false;
  }
  std::uint8_t* const to = WriteVarint(list_head, body_.end());
  body_.SetSize(static_cast<std::size_t>(lists_.CopyTo(to) - body_.data()));
  return true;
}

bool PackedMap::CleanOuter(Location location) {
  const OuterBlob old = ReadOuter(location);
  body_.Clear();
  std::uint64_t rewritten = 0;
  bool ok = true;
  if (!old.has_table) {
    ForEachInlineEntry(old, [&](const StoredEntry& entry) {
      ok = ok && RewriteInlineEntry(entry);
      if (ok) ++rewritten;
    });
  }
  const std::uint64_t number = old.has_table ? old.number << 1 | 1 : rewritten << 1;
  const Location made =
      ok ? WriteOuter(SegmentStore::Head::kClean, old.key, number, body_.data(), body_.size())
         : kNowhere;
  const auto give_up = [&](const StoredEntry& entry) {
    strings_.Release(entry.inner);
    ReleaseList(entry.list);
  };
  if (made == kNowhere) {
    const std::uint8_t* at = body_.data();
    for (; rewritten > 0; --rewritten) {
      StoredEntry entry;
      at = ReadInlineEntry(at, &entry);
      give_up(entry);
    }
    return false;
  }
  cleaned_bytes_ += log_.At(location).total_bytes;
  SetOuter(strings_.Hash(old.key), location, made);
  if (!old.has_table) ForEachInlineEntry(old, give_up);
  return true;
}

}  // namespace strata::packed
