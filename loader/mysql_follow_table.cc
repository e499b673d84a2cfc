#include "loader/mysql_follow_table.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

#include "loader/kept_layers.h"
#include "loader/message_text.h"
#include "loader/mysql_clock.h"

namespace strata::mysql {
namespace {

// The server renews its list of transactions only when nobody has read it for 0.1 s.
constexpr std::chrono::milliseconds kBetweenLooks{300};
// Others read it too; we fall between them sooner or later where the pauses are not all alike.
constexpr int kLeastMsAfterAStaleLook = 200;
constexpr int kMostMsAfterAStaleLook = 500;
constexpr std::chrono::seconds kStaleIsTold{3};
// So many times the fallback lag the position is held for a list that is not renewed, which costs
// reading again all that lies behind it; then it follows at this distance.
constexpr int kStaleLags = 10;
constexpr int kFirstLooks = 8;
constexpr std::int64_t kMinuteUs = 60 * kSecondUs;
// Clocks of several machines differ by less.
constexpr std::int64_t kAheadIsToldUs = 2 * kMinuteUs;
constexpr std::chrono::milliseconds kBetweenFirstLooks{120};
// The table is looked up again so often, and so many times as long after as it takes.
constexpr std::chrono::seconds kBetweenPlans{5};
constexpr int kPlanRests = 100;

// Whether a position by the one's cursor is one by the other's.
bool SameCursor(const FollowPlan& a, const FollowPlan& b) {
  return a.cursor.has_value() == b.cursor.has_value() &&
         (!a.cursor || a.cursor->name == b.cursor->name) && a.cursor_kind == b.cursor_kind &&
         a.fraction_digits == b.fraction_digits;
}

// Whether a position of times is behind another by more than clocks differ.
bool IsFarBehind(const FollowPlan& plan, const std::optional<std::string>& position,
                 const std::optional<std::string>& other) {
  if (plan.cursor_kind == CursorKind::kInteger || !position || !other) return false;
  const auto at_us = ParseTime(*position);
  const auto other_us = ParseTime(*other);
  return at_us && other_us && *at_us + kAheadIsToldUs < *other_us;
}

bool SameColumn(const Column& a, const Column& b) {
  return a.name == b.name && a.type == b.type && a.collation == b.collation;
}
bool SameColumn(const std::optional<Column>& a, const std::optional<Column>& b) {
  return a.has_value() == b.has_value() && (!a || SameColumn(*a, *b));
}
bool SameColumns(const std::vector<Column>& a, const std::vector<Column>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Column& x, const Column& y) { return SameColumn(x, y); });
}

// Whether the one makes of a table's rows what the other does.
bool SameContent(const Selection& a, const Selection& b) {
  return SameColumn(a.outer, b.outer) && SameColumn(a.inner, b.inner) &&
         SameColumn(a.order, b.order) && SameColumn(a.deleted, b.deleted) &&
         SameColumns(a.id, b.id) && SameColumns(a.values, b.values);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> OpenForFollowing(const MySqlOptions& options) {
  absl::StatusOr<std::unique_ptr<Session>> session = Session::Open(options);
  if (!session.ok()) return session.status();
  absl::Status status = (*session)->SetUp(
      (*session)->dialect().FollowingSettings(options.read_timeout_s), CheckedFollowingSettings());
  if (!status.ok()) return status;
  return session;
}

absl::Status TableFollower::Attach(Session* session) {
  if (absl::Status status = SetPlan(session); !status.ok()) return status;
  session_ = session;
  return absl::OkStatus();
}

EntryNotes TableFollower::NotesForLoading() {
  digests_.Clear();
  held_.Clear();
  return {.digests = &digests_, .refused = &held_};
}

void TableFollower::AddLayers(Footprint* footprint) const {
  digests_.AddLayer(footprint);
  const std::lock_guard lock(layers_mutex_);
  for (const auto& feed : feeds_) {
    AddBlockToLayer("sources", feed.get(), sizeof(Feed), 0, footprint);
    feed->reader.AddLayer(footprint);
  }
  AddDoor(feeds_door_, footprint);
  if (pass_) pass_->AddLayer(footprint);
}

// Looks table or query up. What was reached stays, unless a cursor is another.
absl::Status TableFollower::SetPlan(Session* session) {
  const auto began = std::chrono::steady_clock::now();
  absl::StatusOr<FollowPlan> plan = ReadFollowPlan(session, *source_);
  if (!plan.ok()) return plan.status();
  std::vector<std::pair<std::optional<ChangesPlan>, FollowPlan>> wanted;
  if (plan->cursor) wanted.emplace_back(std::nullopt, *plan);
  for (const std::string& statement : source_->mapping.changes) {
    absl::StatusOr<ChangesPlan> changes = ReadChangesPlan(session, statement);
    if (!changes.ok()) return changes.status();
    wanted.emplace_back(*std::move(changes), FollowPlan());
  }
  const std::lock_guard lock(layers_mutex_);
  // What may throw comes first. New ones where there was none, or the cursor is another.
  std::vector<ThroughDoor<Feed>> feeds(wanted.size());
  for (std::size_t i = 0; i < feeds.size(); ++i) {
    const FollowPlan& now = wanted[i].first ? wanted[i].first->plan : wanted[i].second;
    if (i >= feeds_.size() || !SameCursor(feeds_[i]->now(), now)) {
      feeds[i] = MakeThroughDoor<Feed>(&feeds_door_);
    }
  }
  // What was made of rows by the table as it was, their order say, a pass makes anew.
  const bool altered = planned_ && !SameContent(plan->selection, plan_.selection);
  // Another table may stand under the name (RENAME TABLE t TO old, new TO t), with rows as old.
  const bool exchanged = planned_ && plan->created != plan_.created;
  if (altered || exchanged) reconcile_due_ = true;
  planned_ = just_planned_ = true;
  // A pass that goes by ranges of an index cannot go on by slices, nor the other way round.
  const bool keeps_pass = !altered && plan->keys_indexed == plan_.keys_indexed;
  plan_ = *std::move(plan);
  if (!keeps_pass) pass_.reset();
  feeds_.swap(feeds);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (feeds_[i] == nullptr) feeds_[i] = std::move(feeds[i]);
    feeds_[i]->changes = std::move(wanted[i].first);
    feeds_[i]->plan = std::move(wanted[i].second);
  }
  const auto now = std::chrono::steady_clock::now();
  next_plan_ = now + std::max<std::chrono::steady_clock::duration>(kBetweenPlans,
                                                                   kPlanRests * (now - began));
  return absl::OkStatus();
}

// Moves the bound where the server's list of transactions is to be had and is of now.
absl::Status TableFollower::LookForOpenWork() {
  const auto now = std::chrono::steady_clock::now();
  absl::StatusOr<OpenWork> work = ReadOpenWork(session_);
  if (!work.ok()) return work.status();
  now_us_ = work->now_us;
  if (!work->fresh) {
    if (!watch_->stale_since) watch_->stale_since = now;
    std::uniform_int_distribution<int> pause(kLeastMsAfterAStaleLook, kMostMsAfterAStaleLook);
    watch_->next_look = now + std::chrono::milliseconds(pause(watch_->random));
    return absl::OkStatus();
  }
  watch_->stale_since.reset();
  watch_->next_look = now + kBetweenLooks;
  watch_->bound_us = watch_->bounds.Add(*work);
  watch_->bound_by_lag = false;
  return absl::OkStatus();
}

// A statement with :since is asked from what was the largest on. That may be there no more.
absl::Status TableFollower::ReadLargestChange(Feed* feed) {
  const std::optional<std::string> since = feed->positions.largest();
  absl::StatusOr<FollowPlan> plan = LargestPlan(since, *feed->changes);
  if (!plan.ok()) return plan.status();
  absl::Status status = feed->positions.ReadLargest(session_, *plan);
  if (!status.ok() || feed->positions.largest() || !since) return status;
  plan = LargestPlan(std::nullopt, *feed->changes);
  if (!plan.ok()) return plan.status();
  return feed->positions.ReadLargest(session_, *plan);
}

absl::Status TableFollower::Sample() {
  for (const auto& feed : feeds_) {
    absl::Status status = feed->changes ? ReadLargestChange(feed.get())
                                        : feed->positions.ReadLargest(session_, feed->plan);
    if (!status.ok()) return status;
  }
  bool looked = false;
  if (has_cursor() && watch_->seen && std::chrono::steady_clock::now() >= watch_->next_look) {
    const absl::Status status = LookForOpenWork();
    looked = status.ok();
    if (absl::IsPermissionDenied(status)) {
      watch_->seen = false;
      watch_->stale_since.reset();
    } else if (!looked) {
      return status;
    }
  }
  if (!looked) {
    absl::StatusOr<std::int64_t> now_us = ReadServerTime(session_);
    if (!now_us.ok()) return now_us.status();
    now_us_ = *now_us;
  }
  if (watch_->seen && HeldTooLong()) {
    watch_->bound_us = std::max(watch_->bound_us, now_us_ - kStaleLags * LagUs());
    begun_by_lag_ = watch_->bound_by_lag = true;
  }
  bound_us_ = watch_->seen ? watch_->bound_us : now_us_ - LagUs();
  // Before, a lag had to serve, or the clock was another: what was open for longer may have been
  // passed over.
  const bool lag_is_over = begun_by_lag_ && !watch_->bound_by_lag;
  const bool first_again = has_cursor() && firsts_ && *firsts_ != watch_->bounds.firsts();
  if (lag_is_over) begun_by_lag_ = false;
  if (first_again) firsts_ = watch_->bounds.firsts();
  if (lag_is_over || first_again) {
    reconcile_due_ = true;
    begun_beside_open_ = watch_->bounds.FirstAreOpen();
  }
  // How old their versions are, nobody knows.
  if (begun_beside_open_ && !watch_->bounds.FirstAreOpen()) {
    begun_beside_open_ = false;
    reconcile_due_ = true;
  }
  for (const auto& feed : feeds_) {
    feed->positions.Note(feed->now(), now_us_);
    if (feed->positions.began_again()) {
      reconcile_due_ = true;
      feed->certain = false;
    }
  }
  return absl::OkStatus();
}

absl::Status TableFollower::Begin() {
  begun_by_lag_ = false;
  firsts_.reset();
  for (int look = 0; look < kFirstLooks; ++look) {
    if (watch_->bound_by_lag) watch_->next_look = {};
    if (absl::Status status = Sample(); !status.ok()) return status;
    if (!watch_->bound_by_lag || !watch_->seen || !has_cursor()) break;
    if (stopping_->load()) return absl::CancelledError("stopped as asked");
    std::this_thread::sleep_for(kBetweenFirstLooks);  // for somebody else's next look to be over
  }
  if (watch_->bound_by_lag) {
    begun_by_lag_ = has_cursor() && watch_->seen;
    bound_us_ = watch_->bound_us = now_us_ - LagUs();
  }
  for (const auto& feed : feeds_) BeginFeed(feed.get());
  firsts_ = watch_->bounds.firsts();
  begun_beside_open_ = has_cursor() && watch_->bounds.FirstAreOpen();
  return absl::OkStatus();
}

std::int64_t TableFollower::LagUs() const {
  return std::chrono::microseconds(options_->fallback_lag).count();
}

bool TableFollower::HeldTooLong() const {
  if (!watch_->stale_since) return false;
  const auto held = std::chrono::steady_clock::now() - *watch_->stale_since;
  return held > kStaleIsTold && held > kStaleLags * options_->fallback_lag;
}

// Rows that do not have the content, of times of less than six digits: what was made within the
// last unit may be made again unseen.
std::optional<std::string> TableFollower::FreshFrom(const Feed& feed) const {
  const FollowPlan& plan = feed.now();
  const bool time =
      plan.cursor_kind == CursorKind::kTimestamp || plan.cursor_kind == CursorKind::kDateTime;
  if (!feed.changes || !time || plan.fraction_digits >= 6) return std::nullopt;
  return feed.positions.At(plan, now_us_ - kSecondUs);
}

void TableFollower::BeginFeed(Feed* feed) const {
  feed->position = feed->positions.At(feed->now(), bound_us_);
  feed->certain = feed->positions.Certain(feed->now(), bound_us_);
  feed->begun = true;
}

// A query's statement of changes from shortly before the sample on: what the server makes anew for
// a look at the newest rows is then little. None where the feed has none, or no such beginning.
absl::StatusOr<std::optional<ChangesPlan>> TableFollower::NewestChanges(const Feed& feed) const {
  std::optional<ChangesPlan> newest;
  if (!feed.changes) return newest;
  const std::optional<std::string> since = feed.positions.At(feed.now(), now_us_ - kSecondUs);
  if (!since) return newest;
  newest = feed.changes;
  if (absl::Status status = SetSince(since, &*newest); !status.ok()) return status;
  return newest;
}

absl::Status TableFollower::PollFeed(Feed* feed) {
  if (feed->changes) {
    absl::Status status = SetSince(feed->position, &*feed->changes);
    if (!status.ok()) return status;
  }
  const FollowPlan& plan = feed->now();
  const absl::StatusOr<std::optional<ChangesPlan>> newest = NewestChanges(*feed);
  if (!newest.ok()) return newest.status();
  const FollowPlan* newest_plan = feed->changes ? nullptr : &plan;
  if (*newest) newest_plan = &(*newest)->plan;
  const ChangeReader::Round round = {.from = feed->position,
                                     .fresh_from = FreshFrom(*feed),
                                     .until = feed->positions.At(plan, now_us_),
                                     .max_page_rows = source_->max_page_rows,
                                     .newest = newest_plan};
  const auto is_large = [this](const EntryName& name) { return IsLarge(name); };
  const auto refresh = [this](const ChangeReader::Entries& names) { return Refresh(names, false); };
  const auto after_page = [this]() -> absl::Status {
    progress_();
    return stopping_->load() ? absl::CancelledError("stopped as asked") : absl::OkStatus();
  };
  return feed->reader.Read(session_, plan, round, &rows_, {is_large, refresh, after_page});
}

void TableFollower::MovePosition(Feed* feed) {
  const std::optional<std::string> before =
      std::exchange(feed->position, feed->positions.At(feed->now(), bound_us_));
  // It was ahead, by values that are gone.
  if (IsFarBehind(feed->now(), feed->position, before)) reconcile_due_ = true;
}

absl::Status TableFollower::Poll() {
  just_planned_ = false;
  // Of an ALTER TABLE that makes no statement fail nothing else tells.
  if (std::chrono::steady_clock::now() >= next_plan_) {
    if (absl::Status status = SetPlan(session_); !status.ok()) return status;
  }
  absl::Status status = PollFeeds();
  if (absl::IsAborted(status)) next_plan_ = {};  // it may come of one
  return status;
}

absl::Status TableFollower::PollFeeds() {
  // Before the rows: what the sample does not know of is read by the next round, too.
  if (absl::Status status = Sample(); !status.ok()) return status;
  for (const auto& feed : feeds_) {
    if (!feed->begun) {
      // The table was given another cursor: what changed by the old one meanwhile a pass finds.
      BeginFeed(feed.get());
      reconcile_due_ = true;
    }
    // What a round that goes on behind a cut does not read again is not behind the next position.
    const bool from_position = !feed->reader.goes_on();
    if (absl::Status status = PollFeed(feed.get()); !status.ok()) return status;
    if (from_position) MovePosition(feed.get());
    // Others have come below the position, too.
    if (feed->reader.TakeReplaced()) reconcile_due_ = true;
    if (!feed->certain && feed->positions.Certain(feed->now(), bound_us_)) {
      feed->certain = true;
      reconcile_due_ = true;
    }
  }
  return absl::OkStatus();
}

bool TableFollower::TakeReconcileDue() { return std::exchange(reconcile_due_, false); }

absl::StatusOr<bool> TableFollower::Reconcile() {
  if (absl::Status status = MendSuspects(); !status.ok()) return status;
  if (!pass_) {
    // The table may have been altered; then this is the pass that is due.
    const bool due = reconcile_due_;
    if (absl::Status status = SetPlan(session_); !status.ok()) return status;
    reconcile_due_ = due;
    Counts counts;
    absl::Status looked = applier_->Look([&](const Cache& cache) {
      counts = cache.counts();
      return absl::OkStatus();
    });
    if (!looked.ok()) return looked;
    const std::lock_guard lock(layers_mutex_);
    pass_.emplace(plan_, counts, &digests_);
    held_.PassBegins();
  }
  absl::Status status = pass_->Step(session_, plan_, applier_, &suspects_);
  if (status.ok()) status = MendSuspects();
  if (!status.ok()) return status;
  if (!pass_ || !pass_->done()) return false;
  held_.PassEnds();
  const std::lock_guard lock(layers_mutex_);
  pass_.reset();
  return true;
}

void TableFollower::Tell(FollowSourceStatus* status) const {
  status->position = feeds_.size() == 1 ? feeds_[0]->position.value_or("") : "";
  status->has_cursor = has_cursor();
  status->advice = plan_.advice;
  if (!watch_->seen) {
    absl::StrAppend(&status->advice, status->advice.empty() ? "" : "; ",
                    "open transactions cannot be seen, so the position lags by a fixed time: "
                    "GRANT PROCESS ON *.* to the user");
  }
  for (const auto& feed : feeds_) {
    if (feed->changes && feed->changes->plan.cursor_kind == CursorKind::kDate) {
      absl::StrAppend(
          &status->advice, status->advice.empty() ? "" : "; ", "of `changes` the cursor ",
          QuoteForMessage(feed->changes->cursor.name),
          " is a DATE: what changes again on the same day is found by reconciling alone");
    }
    if (feed->positions.set_back_us() > 0) {
      absl::StrAppend(&status->advice, status->advice.empty() ? "" : "; ",
                      "the server's clock was set back by ",
                      feed->positions.set_back_us() / kMinuteUs,
                      " minutes: the position goes back by as much until it has caught up; use a "
                      "TIMESTAMP");
      continue;
    }
    if (feed->positions.ahead_us() < kAheadIsToldUs) continue;
    absl::StrAppend(
        &status->advice, status->advice.empty() ? "" : "; ", "the largest values of ",
        QuoteForMessage((feed->changes ? feed->changes->cursor : *feed->plan.cursor).name), " are ",
        feed->positions.ahead_us() / kMinuteUs,
        " minutes ahead of the server's clock: where not all that write are so far "
        "ahead, changes are found by reconciling alone; use a TIMESTAMP, or mend them");
  }
  const auto& stale = watch_->stale_since;
  if (stale && std::chrono::steady_clock::now() - *stale > kStaleIsTold) {
    absl::StrAppend(
        &status->advice, status->advice.empty() ? "" : "; ",
        HeldTooLong()
            ? "the position lags by a fixed time, and what is open for longer is found by "
              "reconciling alone"
            : "the position stays where it is",
        ", because something (many followers, say) reads the server's INNODB_TRX so often that "
        "the list in it is not renewed: let it read less than ten times a second");
  }
  status->rows_read = rows_.rows_read;
  status->rows_applied = rows_.rows_applied;
  status->entries_reread = entries_reread_;
  status->entries_changed = entries_changed_;
  status->repairs = repairs_;
  status->entries_refused = held_.count();
}

}  // namespace strata::mysql
