#include "tests/loader/storm.h"

#include <memory>
#include <random>

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace strata {
namespace {

constexpr int kOuters = 12;
constexpr int kInners = 25;

class Writer {
 public:
  Writer(const StormOptions& options, int number)
      : options_(options), random_(options.seed * 1000 + static_cast<std::uint64_t>(number)) {}

  int Draw(int below) { return static_cast<int>(random_() % static_cast<std::uint64_t>(below)); }

  std::string Statement() {
    const std::string entry = absl::StrCat("'o", Draw(kOuters), "', 'i", Draw(kInners), "'");
    const std::string value = absl::StrCat("'", random_() % 1'000'000, "'");
    // Some row near a random id; where there is none nothing happens.
    const std::string row = absl::StrCat(" WHERE id >= ", Draw(4000), " ORDER BY id LIMIT 1");
    const int kind = Draw(options_.moves_and_deletes ? 10 : 6);
    if (kind < 3) {
      return absl::StrCat("INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES (", entry, ", ",
                          Draw(5), ", 'k", Draw(4), "', ", value, ")");
    }
    if (kind < 6) return absl::StrCat("UPDATE t SET v = ", value, row);
    if (kind < 8) {
      return absl::StrCat("UPDATE t SET outer_key = 'o", Draw(kOuters), "', inner_key = 'i",
                          Draw(kInners), "'", row);
    }
    return absl::StrCat("DELETE FROM t", row);
  }

  // Mostly short, now and then as long as it may be.
  std::chrono::milliseconds Hold() {
    const int most = Draw(4) == 0 ? options_.max_hold_ms : options_.max_hold_ms / 40;
    return std::chrono::milliseconds(Draw(most + 1));
  }

 private:
  const StormOptions& options_;
  std::mt19937_64 random_;
};

}  // namespace

void MakeRepeatingZone(mysql::Session* session, const std::string& name, std::int64_t transition) {
  // Summer from 1970 on, winter from the transition on.
  for (const std::string& statement :
       {std::string("DELETE FROM mysql.time_zone WHERE Time_zone_id = 4711"),
        std::string("DELETE FROM mysql.time_zone_name WHERE Time_zone_id = 4711"),
        std::string("DELETE FROM mysql.time_zone_transition WHERE Time_zone_id = 4711"),
        std::string("DELETE FROM mysql.time_zone_transition_type WHERE Time_zone_id = 4711"),
        std::string("INSERT INTO mysql.time_zone VALUES (4711, 'N')"),
        absl::StrCat("INSERT INTO mysql.time_zone_name VALUES ('", name, "', 4711)"),
        std::string("INSERT INTO mysql.time_zone_transition_type VALUES (4711, 0, 7200, 1, 'SUM'), "
                    "(4711, 1, 3600, 0, 'WIN')"),
        absl::StrCat("INSERT INTO mysql.time_zone_transition VALUES (4711, 1, 0), (4711, ",
                     transition, ", 1)")}) {
    const absl::Status status = session->Execute(statement, "making a time zone");
    ASSERT_TRUE(status.ok()) << status;
  }
}

Storm::Storm(const MySqlOptions& server, const StormOptions& options)
    : server_(server), options_(options) {
  for (int writer = 0; writer < options_.writers; ++writer) {
    threads_.emplace_back([this, writer] { Write(writer); });
  }
}

void Storm::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Storm::Write(int number) {
  Writer writer(options_, number);
  std::unique_ptr<mysql::Session> session;
  while (!stop_) {
    if (session == nullptr) {
      auto opened = mysql::Session::Open(server_);
      if (!opened.ok()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the server is being killed
        continue;
      }
      session = *std::move(opened);
      (void)session->Execute("SET innodb_lock_wait_timeout = 1", "storming");
      if (!options_.time_zone.empty() && number % 2 == 0) {
        const absl::Status zone = session->Execute(
            absl::StrCat("SET time_zone = '", options_.time_zone, "'"), "storming");
        EXPECT_TRUE(zone.ok()) << zone;
      }
    }
    absl::Status status = session->Execute("START TRANSACTION", "storming");
    for (int left = 1 + writer.Draw(5); left > 0 && status.ok(); --left) {
      status = session->Execute(writer.Statement(), "storming");
      if (status.ok()) ++statements_;
    }
    // What the load is made of, and no waiting for anything.
    const auto end = std::chrono::steady_clock::now() + writer.Hold();
    while (!stop_ && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const bool commit = status.ok() && writer.Draw(3) > 0;
    status = session->Execute(commit ? "COMMIT" : "ROLLBACK", "storming");
    if (status.ok()) ++(commit ? commits_ : rollbacks_);
    if (!status.ok()) session.reset();
  }
}

}  // namespace strata
