// Entries that changes or a pass have named: read again, in groups of bounded size, and made in the
// cache what they are.
#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"

#include "loader/message_text.h"
#include "loader/mysql_follow_table.h"
#include "loader/mysql_relation.h"

namespace strata::mysql {
namespace {

// What is wrong with one entry and lets all others go on.
bool IsOfOneEntry(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsInvalidArgument(status);
}

// Entries whose names are longer than this are not asked for: a statement has each up to six times
// over, and a packet of 16 MiB is the least that servers have by default.
constexpr std::size_t kMostNameBytes = std::size_t{2} << 20;

// A statement asks for entries of so many bytes, by what is known of them before: their rows are
// held twice while they come. One that is larger is asked for alone, and streamed.
constexpr std::size_t kMostGroupBytes = std::size_t{4} << 20;

std::size_t BytesOf(const EntryName& name) { return name.outer.size() + name.inner.size(); }

std::uint64_t BytesOf(const RecordsView& records) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    for (const Pair& pair : records[i]) bytes += pair.key.size() + pair.value.size();
  }
  return bytes;
}

}  // namespace

absl::StatusOr<bool> TableFollower::Apply(const EntryAsRead& entry, bool repair) {
  if (!entry.status.ok()) return entry.status;
  const EntryName& name = entry.name;
  absl::StatusOr<bool> changed =
      applier_->Apply(name.outer, name.inner, entry.present, entry.records, repair);
  if (!changed.ok()) return changed;
  if (entry.present && entry.digest) {
    digests_.Set(name.outer, name.inner, *entry.digest);
  } else {
    digests_.Erase(name.outer, name.inner);
  }
  return changed;
}

absl::Status TableFollower::TooLong(const EntryName& name) const {
  return absl::InvalidArgumentError(absl::StrCat(
      "MySQL ", session_->server(), ": ", Described(plan_.selection),
      ", an entry whose outer and inner have ", BytesOf(name), " bytes, beginning with ",
      QuoteForMessage(std::string_view(name.outer).substr(0, 40)),
      ": it is loaded and not followed; keep keys below 2 MiB"));
}

// As SizeOf; nothing where the cache has no such entry, or may be gone.
std::optional<EntrySize> TableFollower::SizeInCache(const EntryName& name, std::size_t most_records,
                                                    std::size_t most_bytes) const {
  std::optional<EntrySize> size;
  (void)applier_->Look([&](const Cache& cache) {
    const ReadGuard guard(cache);
    const EntryReader entry = guard.Get(name.outer, name.inner);
    if (entry) size = SizeOf(entry, most_records, most_bytes);
    return absl::OkStatus();
  });
  return size;
}

// Whether reading the entry for each page of rows that name it is dear.
bool TableFollower::IsLarge(const EntryName& name) const {
  constexpr std::size_t kManyRecords = 256;
  constexpr std::size_t kManyBytes = std::size_t{256} << 10;
  const EntrySize size = SizeInCache(name, kManyRecords, kManyBytes).value_or(EntrySize());
  return size.records > kManyRecords || size.bytes > kManyBytes;
}

absl::StatusOr<std::vector<bool>> TableFollower::Refresh(const std::vector<EntryName>& names,
                                                         bool repair) {
  ChangeReader::Entries entries;
  entries.reserve(names.size());
  for (const EntryName& name : names) entries.emplace_back(name, PendingEntries::Named());
  return Refresh(entries, repair);
}

absl::StatusOr<std::vector<bool>> TableFollower::Refresh(const ChangeReader::Entries& entries,
                                                         bool repair) {
  // What cannot be by an old plan may be by a new one; by that it is no more.
  if (!just_planned_) {
    for (const auto& [name, named] : entries) {
      absl::Status can = CanHold(*session_, plan_.selection, name);
      if (!can.ok()) return can;
    }
  }
  std::vector<bool> failed(entries.size(), false);
  Group group;
  for (std::size_t begin = 0; begin < entries.size(); begin += group.names.size()) {
    if (stopping_->load()) return absl::CancelledError("stopped as asked");
    group = FirstGroup(std::span(entries).subspan(begin));
    const auto first = failed.begin() + static_cast<std::ptrdiff_t>(begin);
    const EntryName& name = group.names[0];
    if (BytesOf(name) > kMostNameBytes) {
      held_.Hold(name, TooLong(name));
      *first = true;
      continue;
    }
    if (absl::Status status = RefreshGroup(group, repair, first); !status.ok()) return status;
    progress_();
  }
  return failed;
}

// What is known of an entry's bytes before it is read: what the cache has of it, and what its rows
// that changed have said. Of one of which nothing is known, what the last ones had.
std::uint64_t TableFollower::ExpectedBytes(const EntryName& name,
                                           const PendingEntries::Named& named) const {
  constexpr std::size_t kAnyRecords = std::numeric_limits<std::size_t>::max();
  const std::optional<EntrySize> size = SizeInCache(name, kAnyRecords, kMostGroupBytes);
  if (!size && named.bytes == 0) return bytes_an_entry_;
  return size.value_or(EntrySize()).bytes + named.bytes;
}

TableFollower::Group TableFollower::FirstGroup(
    std::span<const ChangeReader::Entries::value_type> entries) const {
  Group group;
  std::size_t name_bytes = 0;
  while (group.names.size() < std::min(kMostEntriesARead, entries.size())) {
    const auto& [name, named] = entries[group.names.size()];
    name_bytes += BytesOf(name);
    const std::uint64_t bytes = group.bytes + ExpectedBytes(name, named);
    if (!group.names.empty() && (name_bytes > kMostNameBytes || bytes > kMostGroupBytes)) break;
    group.bytes = bytes;
    group.names.push_back(name);
  }
  return group;
}

absl::Status TableFollower::RefreshGroup(const Group& group, bool repair,
                                         std::vector<bool>::iterator failed) {
  const std::vector<EntryName>& names = group.names;
  std::uint64_t bytes = 0;
  const auto on_entry = [&](const EntryAsRead& entry) -> absl::Status {
    bytes += BytesOf(entry.records);
    const absl::StatusOr<bool> changed = Apply(entry, repair);
    ++entries_reread_;
    if (changed.ok()) {
      entries_changed_ += *changed ? 1 : 0;
      repairs_ += *changed && repair ? 1 : 0;
      if (held_.Release(entry.name)) reconcile_due_ = true;
      return absl::OkStatus();
    }
    if (!IsOfOneEntry(changed.status())) return changed.status();
    // The others go on: a deletion among them may make the room that is missing.
    held_.Hold(entry.name, changed.status());
    failed[std::find(names.begin(), names.end(), entry.name) - names.begin()] = true;
    return absl::OkStatus();
  };
  absl::Status status = group.bytes > kMostGroupBytes
                            ? ReadLargeEntry(session_, plan_.selection, names[0], on_entry)
                            : ReadEntries(session_, plan_.selection, names, on_entry);
  bytes_an_entry_ = bytes / names.size();
  return status;
}

// Looks the table up again where it could not have one of them, as it was: an ALTER TABLE made them
// what can be no more, or the plan is of before one.
absl::Status TableFollower::PlanFor(const std::vector<EntryName>& names) {
  const auto can_hold = [this](const EntryName& name) {
    return CanHold(*session_, plan_.selection, name).ok();
  };
  if (std::all_of(names.begin(), names.end(), can_hold)) return absl::OkStatus();
  return SetPlan(session_);
}

absl::Status TableFollower::RetryRefused() {
  const std::vector<EntryName> names = held_.names();
  if (absl::Status status = PlanFor(names); !status.ok()) return status;
  return Refresh(names, false).status();
}

absl::Status TableFollower::MendSuspects() {
  if (suspects_.empty()) return absl::OkStatus();
  if (absl::Status status = PlanFor(suspects_); !status.ok()) return status;
  // A step that was tried again may have named some twice.
  std::sort(suspects_.begin(), suspects_.end());
  suspects_.erase(std::unique(suspects_.begin(), suspects_.end()), suspects_.end());
  // What has changed since the last round is no repair.
  if (absl::Status status = PollFeeds(); !status.ok()) return status;
  absl::StatusOr<std::vector<bool>> failed = Refresh(suspects_, true);
  if (!failed.ok()) return failed.status();
  suspects_.clear();
  return absl::OkStatus();
}

}  // namespace strata::mysql
