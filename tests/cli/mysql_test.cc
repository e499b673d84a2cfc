// The program on a real server: a table loaded, dumped, looked into and compared like a file.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/accounting/debug_http/http_client.h"
#include "tests/accounting/debug_http/whole_figures.h"
#include "tests/cli/program.h"

namespace strata::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ProgramMySqlTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* const socket = std::getenv("STRATA_TEST_MYSQL_SOCKET");
    const char* const user = std::getenv("STRATA_TEST_MYSQL_USER");
    ASSERT_TRUE(socket != nullptr && user != nullptr) << "run under private_mariadb.sh";
    const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
    database_ = std::string("cli_") + test.name();
    client_ = std::string("PATH=\"$PATH:/usr/sbin\" mariadb --no-defaults --socket='") + socket +
              "' --user='" + user + "' -e ";
    user_ = user;
    socket_ = socket;
    ExpectSuccess(Shell(client_ + "\"CREATE DATABASE " + database_ +
                        " CHARACTER SET utf8mb4; CREATE TABLE " + database_ +
                        ".t (id INT PRIMARY KEY AUTO_INCREMENT, outer_key VARCHAR(50), "
                        "inner_key VARCHAR(50), seq INT, k VARCHAR(50), v TEXT); INSERT INTO " +
                        database_ +
                        ".t (outer_key, inner_key, seq, k, v) VALUES ('a','x',1,'k1','second'),"
                        "('a','x',0,'k0','first'),('A','x',0,'k',''),('a','y',0,NULL,'no key'),"
                        "(NULL,'x',0,'k','v')\""));
  }

  void TearDown() override { Shell(client_ + "\"DROP DATABASE " + database_ + "\""); }

  std::string Url() const {
    return "mysql://" + user_ + "@localhost/" + database_ + "?table=t&socket=" + socket_;
  }

  static constexpr char kDumped[] =
      R"({"A":{"x":[{"k":""}]},"a":{"x":[{"k0":"first"},{"k1":"second"}],"y":[{}]}})"
      "\n";

  TemporaryFolder folder_;
  std::string database_, client_, user_, socket_;
};

TEST_F(ProgramMySqlTest, TableIsDumpedAsMapped) {
  const Finished finished = Strata({"dump", Url()});
  ExpectSuccess(finished);
  EXPECT_EQ(finished.out, kDumped);
  EXPECT_EQ(Strata({"get", Url(), "a", "x", "1", "k1"}).out, "second\n");
}

TEST_F(ProgramMySqlTest, LoadCountsRowsAndThoseSkipped) {
  const std::string dump = folder_ / "dump.json";
  const Finished finished = Strata({"load", Url(), "--dump", dump});
  ExpectSuccess(finished);
  EXPECT_THAT(finished.out, HasSubstr("2 outers, 3 entries, 4 records, 3 pairs"));
  EXPECT_THAT(finished.out, HasSubstr("read 5 rows"));
  EXPECT_THAT(finished.out, HasSubstr("1 row skipped"));
  EXPECT_EQ(ReadFile(dump), kDumped);
}

TEST_F(ProgramMySqlTest, CompareReadsTheTableOnceAndEqualsItsDump) {
  const std::string dump = folder_.Write("dump.json", kDumped);
  const Finished from_table = Strata({"compare", Url(), "--format", "json"});
  ExpectSuccess(from_table);
  const Finished from_file = Strata({"compare", dump, "--format", "json"});
  ExpectSuccess(from_file);
  const json table = json::parse(from_table.out);
  EXPECT_EQ(table.at("dataset").at("source"), Url());
  EXPECT_EQ(table.at("dataset").at("digest"),
            json::parse(from_file.out).at("dataset").at("digest"));
  for (const json& layout : table.at("layouts")) {
    EXPECT_EQ(layout.at("total_bytes"), layout.at("allocated_bytes"));
  }
}

TEST_F(ProgramMySqlTest, ProgressIsInRows) {
  const Finished finished = Strata({"load", Url(), "--progress"});
  EXPECT_EQ(finished.exit, 0);
  EXPECT_THAT(finished.err, HasSubstr("5 rows"));
}

TEST_F(ProgramMySqlTest, ProgressMovesWhileATableIsFetchedForAComparison) {
  ExpectSuccess(Shell(client_ + "\"INSERT INTO " + database_ +
                      ".t (outer_key, inner_key, seq, k, v) SELECT 'o', UUID(), 0, 'k', 'v' FROM "
                      "information_schema.COLUMNS a, information_schema.COLUMNS b LIMIT 50000\" " +
                      database_));
  const Finished finished =
      Strata({"compare", Url(), "--layouts", "packed", "--lookups", "0", "--progress"});
  EXPECT_EQ(finished.exit, 0) << finished.err;
  // Rows are there before the first entry is.
  EXPECT_THAT(finished.err, testing::ContainsRegex(": [1-9][0-9]* rows[^\n]* 0 entries"));
  EXPECT_THAT(finished.err, HasSubstr("50005 rows"));
}

TEST_F(ProgramMySqlTest, AFileDescribesSeveralTablesForEveryVerb) {
  ExpectSuccess(Shell(client_ +
                      "\"CREATE TABLE lists (id INT PRIMARY KEY, inner_key VARCHAR(9), "
                      "payload JSON); INSERT INTO lists VALUES (1, 'l', "
                      "'[{\\\"k\\\": \\\"v\\\"}]')\" " +
                      database_));
  const std::string file = folder_.Write(
      "shop.toml", "[connection]\nsocket = '" + socket_ + "'\nuser = '" + user_ +
                       "'\ndatabase = '" + database_ +
                       "'\n[[source]]\ntable = 't'\nwhere = \"outer_key = 'a'\"\n"
                       "[[source]]\ntable = 'lists'\nouter = {const = 'c'}\norder = ''\n"
                       "list = 'payload'\n");
  const Finished dumped = Strata({"dump", file});
  ExpectSuccess(dumped);
  EXPECT_EQ(dumped.out,
            R"({"A":{"x":[{"k":""}]},"a":{"x":[{"k0":"first"},{"k1":"second"}],"y":[{}]},)"
            R"("c":{"l":[{"k":"v"}]}})"
            "\n")
      << "the column's collation decides what = means in where";
  EXPECT_EQ(Strata({"get", file, "c", "l", "0", "k"}).out, "v\n");
  ExpectSuccess(Strata({"load", file}));
  ExpectSuccess(Strata({"compare", file, "--layouts", "packed", "--lookups", "0"}));
  ExpectFailure(Strata({"dump", folder_ / "gone.toml"}), 1, "gone.toml");
  ExpectFailure(Strata({"dump", folder_.Write("bad.toml", "[connection]\nhots = 'x'\n")}), 1,
                "hots");
  ExpectFailure(Strata({"dump", file, "--root", "/x"}), 2, "--root");
}

TEST_F(ProgramMySqlTest, FollowsUntilInterruptedAndThenDumpsWhatItHolds) {
  if (Shell(client_ + "\"SELECT VERSION()\"").out.find("MariaDB") == std::string::npos) {
    GTEST_SKIP() << "the server does not number a connection's queries";
  }
  ExpectSuccess(Shell(client_ + "\"ALTER TABLE " + database_ +
                      ".t ADD updated_at TIMESTAMP(6) DEFAULT NOW(6) ON UPDATE NOW(6)\""));
  const std::string dump = folder_ / "dump.json";
  Started started({"load", Url(), "--follow", "--poll-interval", "50ms", "--reconcile-interval",
                   "200ms", "--dump", dump});
  // Its connections, and the number of the last query of each: it moves on as it polls.
  const auto queries = [this] {
    return Shell(client_ +
                 "\"SELECT ID, QUERY_ID FROM information_schema.PROCESSLIST WHERE DB = '" +
                 database_ + "'\"")
        .out;
  };
  const auto wait_for_moves = [&](int moves) {
    std::string last;
    for (int tries = 0; moves > 0 && tries < 3000; ++tries) {
      std::string now = queries();
      if (now.empty() || now == last) continue;
      last = std::move(now);
      --moves;
    }
    EXPECT_EQ(moves, 0);
  };
  wait_for_moves(20);
  ExpectSuccess(Shell(client_ + "\"USE " + database_ +
                      "; INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES "
                      "('new','x',0,'k','v'); UPDATE t SET v = 'changed' WHERE v = 'first'; DELETE "
                      "FROM t WHERE inner_key = 'y'\""));
  wait_for_moves(60);
  kill(started.pid(), SIGINT);
  const Finished finished = started.Wait();
  EXPECT_EQ(finished.exit, 0) << finished.err;
  // No index: it says what to do about that.
  EXPECT_THAT(finished.err, HasSubstr("CREATE INDEX"));
  EXPECT_EQ(ReadFile(dump), R"({"A":{"x":[{"k":""}]},"a":{"x":[{"k0":"changed"},{"k1":"second"}]},)"
                            R"("new":{"x":[{"k":"v"}]}})"
                            "\n");
}

TEST_F(ProgramMySqlTest, FollowingEndsBySigintAlsoWhereAShellStartedItInTheBackground) {
  const std::string dump = folder_ / "dump.json";
  const std::string said = folder_ / "said";
  // Such shells ignore SIGINT for what they start with &, and a script ends it so all the same.
  const Finished finished = Shell(
      "\"$STRATA\" load '" + Url() + "' --follow --poll-interval 50ms --progress --dump '" + dump +
      "' 2> '" + said + "' & p=$!; until grep -q ' s behind' '" + said +
      "'; do sleep 0.05; done; " +
      "kill -INT $p; ( sleep 20; kill -KILL $p ) > /dev/null 2>&1 & watch=$!; wait $p; got=$?; " +
      "kill $watch; exit $got");
  EXPECT_EQ(finished.exit, 0) << finished.err << ReadFile(said);
  EXPECT_NE(ReadFile(dump), "");
}

// Asks until what is answered is so; fails after a minute.
template <class Ask, class IsSo>
auto AskUntil(Ask ask, IsSo is_so) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  auto answer = ask();
  while (!is_so(answer) && std::chrono::steady_clock::now() < end) answer = ask();
  EXPECT_TRUE(is_so(answer));
  return answer;
}

// The port it says it listens on, once it has said so.
int PortOf(Started& started) {
  constexpr std::string_view kWhere = "listening on 127.0.0.1:";
  const std::string said = AskUntil([&] { return started.Messages(); },
                                    [&](const std::string& text) {
                                      const std::size_t at = text.find(kWhere);
                                      return at != text.npos && text.find('\n', at) != text.npos;
                                    });
  const int port = std::atoi(said.c_str() + said.find(kWhere) + kWhere.size());
  EXPECT_GT(port, 0) << said;
  return port;
}

TEST_F(ProgramMySqlTest, AServerThatIsAwayIsWaitedForAndNothingElse) {
  Started started(
      {"load", "mysql://nobody@127.0.0.1:1/shop?table=t", "--follow", "--listen", ":0"});
  const int port = PortOf(started);
  const HttpAnswer health =
      AskUntil([&] { return HttpGet(port, "/healthz"); },
               [](const HttpAnswer& answer) { return json::parse(answer.body).at("errors") > 0; });
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(json::parse(health.body).at("state"), "retrying");
  EXPECT_THAT(json::parse(health.body).at("message"), HasSubstr("127.0.0.1:1/shop"));
  AskUntil(
      [&] { return started.Messages(); },
      [](const std::string& said) { return said.find("; nothing is held yet\n") != said.npos; });
  kill(started.pid(), SIGTERM);
  EXPECT_EQ(started.Wait().exit, 1);
  ExpectFailure(Strata({"load", Url() + "&outer=gone", "--follow"}), 1, "gone");
}

TEST_F(ProgramMySqlTest, WhileItFollowsItCanBeAskedForItsHealthAndItsBytes) {
  ExpectSuccess(Shell(client_ + "\"ALTER TABLE " + database_ +
                      ".t ADD updated_at TIMESTAMP(6) DEFAULT NOW(6) ON UPDATE NOW(6), ADD INDEX "
                      "(updated_at), ADD INDEX (outer_key, inner_key)\""));
  Started started({"load", Url(), "--follow", "--poll-interval", "50ms", "--listen", ":0"});
  const int port = PortOf(started);
  ASSERT_GT(port, 0);
  const HttpAnswer health = AskUntil([&] { return HttpGet(port, "/healthz"); },
                                     [](const HttpAnswer& answer) { return answer.status == 200; });
  const json well = json::parse(health.body);
  EXPECT_EQ(well.at("state"), "following");
  EXPECT_EQ(well.at("rows_loaded"), 5);
  EXPECT_GE(well.at("lag_seconds"), 0);
  ExpectSuccess(Shell(client_ + "\"INSERT INTO " + database_ +
                      ".t (outer_key, inner_key, seq, k, v) VALUES ('new','x',0,'k','v')\""));
  const json footprint =
      AskUntil([&] { return json::parse(HttpGet(port, "/footprint").body); },
               [](const json& now) { return now.at("dataset").at("pairs") == 4; });
  EXPECT_EQ(footprint.at("dataset").at("outers"), 3);
  EXPECT_EQ(footprint.at("total_bytes"), footprint.at("allocated_bytes"));
  EXPECT_GT(footprint.at("process").at("anon_bytes"), 0);
  const std::string metrics = HttpGet(port, "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("strata_memory_bytes{"));
  EXPECT_THAT(metrics, HasSubstr("strata_process_resident_bytes "));
  EXPECT_THAT(metrics, testing::EndsWith("# EOF\n"));
  EXPECT_GE(json::parse(HttpGet(port, "/healthz").body).at("rows_applied"), 1);
  ExpectFailure(
      Strata({"load", Url(), "--follow", "--listen", "127.0.0.1:" + std::to_string(port)}), 1,
      "127.0.0.1:" + std::to_string(port));
  ExpectFailure(Strata({"load", Url(), "--follow", "--listen", "nowhere"}), 2, "--listen");
  kill(started.pid(), SIGTERM);
  const Finished finished = started.Wait();
  EXPECT_EQ(finished.exit, 0) << finished.err;
}

TEST_F(ProgramMySqlTest, FiguresAddUpWhileRowsArriveAndItIsAskedAllTheTime) {
  ExpectSuccess(Shell(client_ + "\"ALTER TABLE " + database_ +
                      ".t ADD updated_at TIMESTAMP(6) DEFAULT NOW(6) ON UPDATE NOW(6), ADD INDEX "
                      "(updated_at), ADD INDEX (outer_key, inner_key); DELETE FROM " +
                      database_ + ".t\""));
  Started started({"load", Url(), "--follow", "--poll-interval", "10ms", "--reconcile-interval",
                   "300ms", "--listen", ":0"});
  const int port = PortOf(started);
  ASSERT_GT(port, 0);
  // Every entry has one record of one pair, so that two moments in one answer show.
  std::string rows = "USE " + database_ + ";";
  for (int i = 0; i < 1500; ++i) {
    const std::string inner = std::to_string(i % 400);
    rows += " DELETE FROM t WHERE inner_key = '" + inner +
            "'; INSERT INTO t (outer_key, inner_key, seq, k, v) VALUES ('o" +
            std::to_string(i % 7) + "','" + inner + "',0,'k','" + std::to_string(i) +
            " and more')" + ";";
  }
  const std::string file = folder_.Write("rows.sql", rows);  // too long for a word
  std::atomic<bool> done{false};
  std::thread writes([&] {
    ExpectSuccess(Shell(client_ + "\"SOURCE " + file + "\""));
    done.store(true);
  });
  int scrapes = 0;
  double most_entries = 0;
  for (; !done.load() || scrapes < 20; ++scrapes) {
    const auto metrics = ReadWholeMetrics(HttpGet(port, "/metrics").body);
    const auto figure = [&](const char* name) {
      return metrics.at(std::string("strata_") + name + "{cache=\"cache\"}");
    };
    EXPECT_EQ(figure("pairs"), figure("records"));
    EXPECT_EQ(figure("records"), figure("entries"));
    most_entries = std::max(most_entries, figure("entries"));
    const WholeFootprint whole = ReadWholeFootprint(HttpGet(port, "/footprint").body);
    EXPECT_EQ(whole.pairs, whole.records);
    EXPECT_EQ(whole.records, whole.entries);
    EXPECT_GT(ReadWholeProfile(HttpGet(port, "/debug/pprof/heap").body), 0u);
  }
  writes.join();
  EXPECT_GT(most_entries, 0) << scrapes;
  kill(started.pid(), SIGTERM);
  const Finished finished = started.Wait();
  EXPECT_EQ(finished.exit, 0) << finished.err;
}

TEST_F(ProgramMySqlTest, SeveralTablesOfAFileAreFollowedAndAskedFor) {
  ExpectSuccess(Shell(
      client_ + "\"ALTER TABLE " + database_ +
      ".t ADD updated_at TIMESTAMP(6) DEFAULT NOW(6) ON UPDATE NOW(6); CREATE TABLE " + database_ +
      ".lists (id INT PRIMARY KEY, inner_key VARCHAR(9), payload JSON, updated_at "
      "TIMESTAMP(6) DEFAULT NOW(6) ON UPDATE NOW(6)); INSERT INTO " +
      database_ +
      ".lists (id, inner_key, payload) VALUES (1, 'l', "
      "'[{\\\"k\\\": \\\"v\\\"}]')\""));
  const std::string file = folder_.Write(
      "shop.toml", "[connection]\nsocket = '" + socket_ + "'\nuser = '" + user_ +
                       "'\ndatabase = '" + database_ +
                       "'\n[[source]]\ntable = 't'\nwhere = \"inner_key <> 'y'\"\n"
                       "[[source]]\ntable = 'lists'\nouter = {const = 'c'}\norder = ''\n"
                       "list = 'payload'\n");
  const std::string dump = folder_ / "dump.json";
  Started started({"load", file, "--follow", "--poll-interval", "50ms", "--listen", ":0", "--dump",
                   dump, "--progress"});
  const int port = PortOf(started);
  const auto health = [port] { return json::parse(HttpGet(port, "/healthz").body); };
  const json well =
      AskUntil(health, [](const json& now) { return now.at("state") == "following"; });
  EXPECT_EQ(well.at("rows_loaded"), 5);
  EXPECT_EQ(well.at("sources"), 2);
  EXPECT_EQ(well.at("sources_following"), 2);
  EXPECT_EQ(well.at("sources_without_cursor"), 0);
  const auto beside = [port] {
    return json::parse(HttpGet(port, "/footprint?cache=follower").body);
  };
  const json bytes = beside();
  EXPECT_EQ(bytes.at("total_bytes"), bytes.at("allocated_bytes"));
  EXPECT_GT(bytes.at("total_bytes"), 0);
  // Each scrape is of its own moment, and what is kept of rows read comes and goes between them.
  const std::string metrics =
      AskUntil([port] { return HttpGet(port, "/metrics").body; },
               [&](const std::string& text) {
                 return text.find("strata_allocated_bytes{cache=\"follower\"} " +
                                  beside().at("total_bytes").dump() + "\n") != text.npos;
               });
  for (const char* layer : {"entry digests", "outers"}) {
    EXPECT_THAT(metrics, HasSubstr("strata_memory_bytes{cache=\"follower\",layer=\"" +
                                   std::string(layer) + "\",state=\"used\"} "));
  }
  ExpectSuccess(Shell(client_ + "\"USE " + database_ +
                      "; UPDATE t SET v = 'changed' WHERE v = 'first'; UPDATE lists SET payload = "
                      "'[{\\\"k\\\": \\\"w\\\"}]'; INSERT INTO t (outer_key, inner_key, seq, k, v) "
                      "VALUES ('c','x',0,'k','v')\""));
  // The constant outer of the one is met by the other: told, and all else goes on.
  const json ill = AskUntil(health, [](const json& now) { return now.at("state") == "waiting"; });
  EXPECT_EQ(ill.at("sources_following"), 1);
  EXPECT_THAT(ill.at("message"), HasSubstr("outer \"c\" comes from table \"lists\""));
  AskUntil(health, [](const json& now) { return now.at("entries_changed") == 2; });
  kill(started.pid(), SIGINT);
  const Finished finished = started.Wait();
  EXPECT_EQ(finished.exit, 0) << finished.err;
  EXPECT_THAT(finished.err, HasSubstr("5 rows"));
  EXPECT_THAT(finished.err, HasSubstr("outer \"c\" comes from"));
  EXPECT_EQ(ReadFile(dump), R"({"A":{"x":[{"k":""}]},"a":{"x":[{"k0":"changed"},{"k1":"second"}]},)"
                            R"("c":{"l":[{"k":"w"}]}})"
                            "\n");
}

TEST_F(ProgramMySqlTest, MissingTableIsNamed) {
  const Finished finished = Strata(
      {"dump", "mysql://" + user_ + "@localhost/" + database_ + "?table=gone&socket=" + socket_});
  ExpectFailure(finished, 1, "gone");
  ExpectFailure(
      Strata({"load",
              "mysql://" + user_ + "@localhost/" + database_ + "?table=gone&socket=" + socket_,
              "--follow"}),
      1, "gone");
}

}  // namespace
}  // namespace strata::cli
