#include "loader/mysql_reconcile.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "loader/kept_layers.h"
#include "loader/mysql_digest.h"
#include "loader/mysql_pages.h"
#include "loader/mysql_relation.h"
#include "loader/mysql_sort_key.h"

namespace strata::mysql {
namespace {

constexpr LayerId kBuckets = 0;
constexpr std::size_t kEntriesABucket = 16;
constexpr std::size_t kLeastBuckets = 64;
constexpr std::size_t kMostBuckets = std::size_t{1} << 20;
constexpr std::size_t kLeastRangeRows = 100;
constexpr std::size_t kMostRangeRows = 4'000;
constexpr std::size_t kSliceRows = 50'000;
constexpr std::size_t kMostSlices = 64;
constexpr std::int64_t kChunkUs = 100'000;
constexpr std::size_t kCacheEntriesAStep = 2'000;
constexpr std::size_t kMostNamed = 100'000;

std::string Doing(const FollowPlan& plan) {
  return absl::StrCat("comparing ", Described(plan.selection));
}

std::string From(const FollowPlan& plan) {
  return absl::StrCat(FromClause(plan.selection), " WHERE ");
}

// Keys up to and with `upper`, as the server orders them.
absl::StatusOr<std::string> UpToCondition(const std::vector<Column>& keys,
                                          const std::vector<std::string>& upper) {
  absl::StatusOr<std::string> last = IdLiteral(keys.back(), upper.back());
  if (!last.ok()) return last.status();
  const std::string up_to = absl::StrCat(QuoteName(keys.back().name), " <= ", *last);
  if (keys.size() == 1) return up_to;
  absl::StatusOr<std::string> first = IdLiteral(keys[0], upper[0]);
  if (!first.ok()) return first.status();
  const std::string name = QuoteName(keys[0].name);
  return absl::StrCat("(", name, " < ", *first, " OR (", name, " = ", *first, " AND ", up_to, "))");
}

}  // namespace

ReconcilePass::ReconcilePass(const FollowPlan& plan, const Counts& counts,
                             const EntryDigests* digests)
    : digests_(digests), rows_estimate_(plan.rows_estimate) {
  // How many rows a query has nobody knows; not more than about what the cache has of it.
  if (!plan.selection.query.empty()) {
    rows_estimate_ = plan.selection.pair_rows ? counts.pairs : counts.records;
  }
  const std::size_t buckets =
      std::clamp<std::size_t>(counts.entries / kEntriesABucket, kLeastBuckets, kMostBuckets);
  void* const block = door_.TryAllocate(kBuckets, buckets * sizeof(Bucket));
  if (block == nullptr) throw std::bad_alloc();
  buckets_ = {static_cast<Bucket*>(block), buckets};
  std::uninitialized_fill(buckets_.begin(), buckets_.end(), Bucket());
  slices_ = std::clamp<std::size_t>(rows_estimate_ / kSliceRows, 1, kMostSlices);
}

ReconcilePass::~ReconcilePass() { door_.Free(kBuckets, buckets_.data()); }

void ReconcilePass::AddLayer(Footprint* footprint) const {
  AddToLayer("buckets", buckets_.data(), buckets_.size_bytes(), buckets_.size(), door_, footprint);
  const std::lock_guard lock(named_mutex_);
  named_.AddLayer("named", footprint);
}

void ReconcilePass::Name(std::uint64_t hash) {
  const std::lock_guard lock(named_mutex_);
  if (named_.size() < kMostNamed) named_.Insert({hash});
}

bool ReconcilePass::IsNamed(std::uint64_t hash) const {
  const std::lock_guard lock(named_mutex_);
  return named_.Find({hash}) != nullptr;
}

std::size_t ReconcilePass::chunks_left() const {
  if (phase_ != Phase::kTable) return 0;
  const std::uint64_t rows_left = rows_estimate_ - std::min(rows_estimate_, rows_done_);
  return 1 + static_cast<std::size_t>(rows_left / range_rows_);
}

ReconcilePass::Bucket& ReconcilePass::BucketOf(std::string_view outer, std::string_view inner,
                                               std::uint64_t* hash) {
  SetEntryPrefix(outer, inner, &scratch_);
  const Hash128 both = SipHash128(key_, scratch_);
  *hash = std::max<std::uint64_t>(both.low, 1);
  return buckets_[both.high % buckets_.size()];
}

absl::Status ReconcilePass::Step(Session* session, const FollowPlan& plan, EntryApplier* applier,
                                 std::vector<EntryName>* suspects) {
  switch (phase_) {
    case Phase::kTable:
      return TableStep(session, plan, applier, suspects);
    case Phase::kCacheSum:
    case Phase::kCacheNames:
      return CacheStep(applier, suspects);
    case Phase::kDone:
      break;
  }
  return absl::OkStatus();
}

// The next range of keys; its end in `*upper`, empty where it is the last.
absl::StatusOr<std::string> ReconcilePass::RangeCondition(Session* session, const FollowPlan& plan,
                                                          std::vector<std::string>* upper) {
  const std::vector<Column> keys = KeyColumns(plan.selection);
  std::vector<std::string> names;
  std::vector<std::string> present;
  std::vector<std::string> texts;
  for (const Column& key : keys) {
    names.push_back(QuoteName(key.name));
    present.push_back(absl::StrCat(names.back(), " IS NOT NULL"));
    texts.push_back(IdExpression(key));
  }
  absl::StatusOr<std::string> after = AfterCondition(keys, lower_);
  if (!after.ok()) return after.status();
  std::string where = absl::StrJoin(present, " AND ");
  if (!after->empty()) {
    absl::StrAppend(&where, " AND (", after->substr(sizeof(" WHERE ") - 1), ")");
  }
  upper->clear();
  absl::Status status = session->Query(
      absl::StrCat("SELECT ", absl::StrJoin(texts, ", "), From(plan), where, " ORDER BY ",
                   absl::StrJoin(names, ", "), " LIMIT 1 OFFSET ", range_rows_ - 1),
      Doing(plan), [&](const Row& row) {
        for (std::size_t i = 0; i < keys.size(); ++i) upper->emplace_back(row[i]);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  if (upper->empty()) return where;
  absl::StatusOr<std::string> up_to = UpToCondition(keys, *upper);
  if (!up_to.ok()) return up_to.status();
  return absl::StrCat(where, " AND ", *up_to);
}

std::string ReconcilePass::SliceCondition(const FollowPlan& plan) const {
  if (slices_ == 1) return "1 = 1";
  std::vector<std::string> parts;
  for (const Column& key : KeyColumns(plan.selection)) {
    const std::string bytes = BytesExpression(key);
    parts.push_back(absl::StrCat("LENGTH(", bytes, "), ':', ", bytes));
  }
  return absl::StrCat("MOD(CRC32(CONCAT(", absl::StrJoin(parts, ", "), ")), ", slices_,
                      ") = ", slice_);
}

absl::Status ReconcilePass::ReadChunk(Session* session, const FollowPlan& plan,
                                      const std::string& where, EntryApplier* applier,
                                      std::vector<EntryName>* suspects) {
  std::vector<std::pair<EntryName, EntryDigest>> digests;
  absl::Status status =
      ReadDigests(session, plan.selection, where, Doing(plan),
                  [&](std::string_view outer, std::string_view inner, const EntryDigest& digest) {
                    digests.push_back({{std::string(outer), std::string(inner)}, digest});
                    return absl::OkStatus();
                  });
  if (!status.ok()) return status;
  if (digests.empty()) {
    // Nothing at all may be a statement that was killed.
    const absl::StatusOr<bool> some = session->Exists(
        absl::StrCat("SELECT 1", From(plan), where, " AND ", LivingCondition(plan.selection)),
        Doing(plan));
    if (!some.ok()) return some.status();
    if (*some) return session->EndedEarly(Doing(plan));
  }
  for (const auto& found : digests) {
    const EntryName& name = found.first;
    const EntryDigest& digest = found.second;
    std::uint64_t hash = 0;
    Bucket& bucket = BucketOf(name.outer, name.inner, &hash);
    bucket.sum += hash;
    ++bucket.count;
    bool same = false;
    status = applier->Look([&](const Cache& cache) {
      const ReadGuard guard(cache);
      const EntryReader entry = guard.Get(name.outer, name.inner);
      same = entry && ((plan.selection.json == JsonValue::kNone &&
                        DigestOf(entry, plan.selection.pair_rows).SameTexts(digest)) ||
                       digests_->Matches(name.outer, name.inner, digest));
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    if (!same) {
      suspects->push_back(name);
      Name(hash);
    }
    rows_done_ += digest.texts;
  }
  return absl::OkStatus();
}

void ReconcilePass::Adapt(std::uint64_t rows, std::int64_t took_us) {
  if (rows == 0) return;
  const double wanted = static_cast<double>(range_rows_) * static_cast<double>(kChunkUs) /
                        static_cast<double>(std::max<std::int64_t>(took_us, 1));
  const double most = 2.0 * static_cast<double>(range_rows_);
  range_rows_ =
      std::clamp(static_cast<std::size_t>(std::min(wanted, most)), kLeastRangeRows, kMostRangeRows);
}

absl::Status ReconcilePass::TableStep(Session* session, const FollowPlan& plan,
                                      EntryApplier* applier, std::vector<EntryName>* suspects) {
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::string> upper;
  std::string where;
  if (plan.keys_indexed) {
    absl::StatusOr<std::string> range = RangeCondition(session, plan, &upper);
    if (!range.ok()) {
      // What a time limit stopped is tried in smaller pieces.
      range_rows_ = std::max(range_rows_ / 2, kLeastRangeRows);
      return range.status();
    }
    where = *std::move(range);
  } else {
    where = SliceCondition(plan);
  }
  const std::uint64_t before = rows_done_;
  if (absl::Status status = ReadChunk(session, plan, where, applier, suspects); !status.ok()) {
    range_rows_ = std::max(range_rows_ / 2, kLeastRangeRows);
    return status;
  }
  ++slice_;
  lower_ = upper;
  const bool last = plan.keys_indexed ? upper.empty() : slice_ == slices_;
  if (last) {
    phase_ = Phase::kCacheSum;
    cursor_ = EntryCursor();
  }
  Adapt(rows_done_ - before, std::chrono::duration_cast<std::chrono::microseconds>(
                                 std::chrono::steady_clock::now() - began)
                                 .count());
  return absl::OkStatus();
}

absl::Status ReconcilePass::CacheStep(EntryApplier* applier, std::vector<EntryName>* suspects) {
  bool more = true;
  absl::Status status = applier->Look([&](const Cache& cache) -> absl::Status {
    const ReadGuard guard(cache);
    for (std::size_t i = 0; i < kCacheEntriesAStep; ++i) {
      more = cursor_.Next(guard);
      if (!more) return cursor_.status();
      if (!cursor_.entry() || !applier->Owns(cursor_.outer())) continue;
      std::uint64_t hash = 0;
      Bucket& bucket = BucketOf(cursor_.outer(), cursor_.inner(), &hash);
      if (phase_ == Phase::kCacheSum) {
        bucket.sum -= hash;
        --bucket.count;
      } else if ((bucket.sum != 0 || bucket.count != 0) && !IsNamed(hash)) {
        suspects->push_back({std::string(cursor_.outer()), std::string(cursor_.inner())});
      }
    }
    return absl::OkStatus();
  });
  if (!status.ok() || more) return status;
  phase_ = phase_ == Phase::kCacheSum ? Phase::kCacheNames : Phase::kDone;
  cursor_ = EntryCursor();
  return absl::OkStatus();
}

}  // namespace strata::mysql
