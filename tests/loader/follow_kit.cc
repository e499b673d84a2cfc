#include "tests/loader/follow_kit.h"

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strata {

Content ContentOf(const Cache& cache) {
  Content content;
  EntryCursor cursor;
  const ReadGuard guard(cache);
  while (cursor.Next(guard)) {
    auto& entries = content[std::string(cursor.outer())];
    if (!cursor.entry()) continue;
    EntryRecords records;
    for (RecordCursor record = cursor.entry().records(); record.valid(); record.Next()) {
      records.emplace_back();
      for (PairCursor pair = record.record().pairs(); pair.valid(); pair.Next()) {
        records.back().emplace_back(pair.key(), pair.value());
      }
    }
    entries[std::string(cursor.inner())] = std::move(records);
  }
  EXPECT_TRUE(cursor.status().ok()) << cursor.status();
  return content;
}

bool WaitUntil(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

FollowOptions QuickFollow() {
  FollowOptions options;
  options.poll_interval = std::chrono::milliseconds(50);
  options.reconcile_interval = std::chrono::milliseconds(0);
  options.reconcile_share = 1;
  options.retry_min = std::chrono::milliseconds(20);
  options.retry_max = std::chrono::milliseconds(500);
  options.slow_retry = std::chrono::milliseconds(300);
  return options;
}

FollowOptions Arrivals::Options() {
  FollowOptions options = QuickFollow();
  options.on_applied = [this](const AppliedChange& change) {
    const int number = ++changes_;
    if (change.outer == name_ || change.inner == name_) place_ = number;
    std::this_thread::sleep_for(each_);
  };
  return options;
}

bool ReconcileOnce(Follower* follower, std::chrono::milliseconds limit) {
  const std::uint64_t pass = follower->RequestReconcile();
  return WaitUntil([&] { return follower->status().passes >= pass; }, limit);
}

std::string Difference(const Content& cache, const Content& table) {
  std::string text;
  int places = 0;
  const auto add = [&](const std::string& outer, const std::string& inner, const char* what) {
    if (++places <= 5) absl::StrAppend(&text, outer, "/", inner, ": ", what, "\n");
  };
  for (const auto& [outer, entries] : table) {
    const auto cached = cache.find(outer);
    if (cached == cache.end()) {
      add(outer, "*", "only in the table");
      continue;
    }
    for (const auto& [inner, records] : entries) {
      const auto entry = cached->second.find(inner);
      if (entry == cached->second.end()) {
        add(outer, inner, "only in the table");
      } else if (entry->second != records) {
        add(outer, inner, "not the same list");
      }
    }
  }
  for (const auto& [outer, entries] : cache) {
    const auto rows = table.find(outer);
    if (rows == table.end()) add(outer, "*", "only in the cache");
    if (rows == table.end()) continue;
    for (const auto& [inner, records] : entries) {
      if (rows->second.count(inner) == 0) add(outer, inner, "only in the cache");
    }
  }
  return places == 0 ? text : absl::StrCat(text, places, " places in all");
}

void FollowTest::SetUp() {
  MySqlServerTest::SetUp();
  absl::StatusOr<Cache> cache = Cache::Create();
  ASSERT_TRUE(cache.ok());
  cache_ = std::make_unique<Cache>(*std::move(cache));
}

void FollowTest::TearDown() {
  follower_.reset();
  MySqlServerTest::TearDown();
}

void FollowTest::MakeTable(int digits) {
  Run(absl::StrCat(
      "CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(40), "
      "inner_key VARCHAR(40), seq INT, k VARCHAR(40), v TEXT, updated_at TIMESTAMP(",
      digits, ") NOT NULL DEFAULT CURRENT_TIMESTAMP(", digits, ") ON UPDATE CURRENT_TIMESTAMP(",
      digits, "), KEY (outer_key, inner_key, seq), KEY (updated_at)) CHARACTER SET utf8mb4"));
}

std::unique_ptr<mysql::Session> FollowTest::Connect(const std::string& user) {
  MySqlOptions options = OptionsFor("t");
  if (!user.empty()) options.user = user;
  auto session = mysql::Session::Open(options);
  EXPECT_TRUE(session.ok()) << session.status();
  return session.ok() ? *std::move(session) : nullptr;
}

void FollowTest::Must(mysql::Session* session, const std::string& statement) {
  const absl::Status status = session->Execute(statement, "testing");
  ASSERT_TRUE(status.ok()) << status;
}

void FollowTest::Follow(const MySqlOptions& source, const FollowOptions& options,
                        FollowState reached) {
  absl::StatusOr<std::unique_ptr<Follower>> follower = Follower::Start(source, *cache_, options);
  ASSERT_TRUE(follower.ok()) << follower.status();
  follower_ = *std::move(follower);
  ASSERT_TRUE(WaitUntil([&] { return follower_->status().state == reached; }))
      << follower_->status().last_error;
}

std::string FollowTest::Value(const std::string& outer, const std::string& inner, std::size_t index,
                              const std::string& key) const {
  const ReadGuard guard(*cache_);
  const PairCursor pair = guard.Find(outer, inner, index, key);
  return pair.valid() ? std::string(pair.value()) : "(none)";
}

void FollowTest::ExpectValue(const std::string& outer, const std::string& inner, std::size_t index,
                             const std::string& key, const std::string& value) const {
  WaitUntil([&] { return Value(outer, inner, index, key) == value; }, std::chrono::seconds(20));
  EXPECT_EQ(Value(outer, inner, index, key), value) << follower_->status().last_error;
}

void FollowTest::ExpectNoEntry(const std::string& outer, const std::string& inner) const {
  const auto gone = [&] { return !ReadGuard(*cache_).Get(outer, inner); };
  WaitUntil(gone, std::chrono::seconds(20));
  EXPECT_TRUE(gone()) << outer << " " << inner << " " << follower_->status().last_error;
}

std::uint64_t FollowTest::HandlerReads() {
  std::uint64_t sum = 0;
  for (const auto& row : Rows("SHOW GLOBAL STATUS LIKE 'Handler_read%'")) {
    if (row[0] != "Handler_read_rnd_deleted") sum += std::stoull(row[1]);
  }
  return sum;
}

std::size_t FollowTest::RunAdvice(const std::string& advice) {
  std::size_t made = 0;
  for (std::size_t at = 0; (at = advice.find("CREATE INDEX", at)) != std::string::npos; ++at) {
    Run(advice.substr(at, advice.find(';', at) - at));
    ++made;
  }
  return made;
}

std::vector<std::vector<std::string>> FollowTest::Connections(const std::string& and_so) {
  return Rows(
      absl::StrCat("SELECT ID FROM information_schema.PROCESSLIST WHERE "
                   "ID <> CONNECTION_ID() AND DB = ",
                   mysql::QuoteText(database()), and_so));
}

std::size_t FollowTest::KillConnections() {
  const auto rows = Connections();
  // One may be gone by now.
  for (const auto& row : rows) (void)session().Execute("KILL CONNECTION " + row[0], "killing");
  return rows.size();
}

void FollowTest::ExpectEqual(const MySqlOptions& source) {
  const absl::StatusOr<Content> table = Load(source);
  ASSERT_TRUE(table.ok()) << table.status();
  std::string difference;
  WaitUntil(
      [&] {
        difference = Difference(ContentOf(*cache_), *table);
        return difference.empty();
      },
      std::chrono::seconds(20));
  EXPECT_EQ(difference, "") << follower_->status().last_error;
  EXPECT_TRUE(cache_->Validate().ok());
}

}  // namespace strata
