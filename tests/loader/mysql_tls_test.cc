// TLS: what each ssl_mode accepts and refuses. Against a real server that speaks TLS
// (mysql_tls_test.sh), reached through a relay that can take TLS out of the server's offer and
// that sees what the client sends.
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include <strata/cache.h>
#include <strata/follow.h>

#include "tests/loader/follow_kit.h"
#include "tests/loader/mysql_test_server.h"
#include "tests/loader/tcp_relay.h"

namespace strata {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr MySqlSslMode kVerifying[] = {MySqlSslMode::kVerifyCa, MySqlSslMode::kVerifyIdentity};

class MySqlTlsTest : public MySqlServerTest {
 protected:
  void SetUp() override {
    MySqlServerTest::SetUp();
    const char* const dir = std::getenv("STRATA_TEST_TLS_DIR");
    ASSERT_NE(dir, nullptr) << "run this through tests/loader/mysql_tls_test.sh PROGRAM";
    dir_ = dir;
    Run("CREATE TABLE pairs (id INT PRIMARY KEY, outer_key CHAR(1), inner_key CHAR(1), seq INT, "
        "k CHAR(1), v VARCHAR(20))");
    Run("INSERT INTO pairs VALUES (1,'o','i',1,'k','worth hiding')");
    Run("DROP USER IF EXISTS 'guarded'@'localhost'");
    Run("CREATE USER 'guarded'@'localhost' IDENTIFIED BY 's3cret-w0rd'");
    Run("GRANT SELECT ON *.* TO 'guarded'@'localhost'");
  }

  void TearDown() override {
    Run("DROP USER 'guarded'@'localhost'");
    MySqlServerTest::TearDown();
  }

  /// Through a relay of this test's own; TLS is offered unless `hide_tls`.
  MySqlOptions Over(bool hide_tls, std::string host, MySqlSslMode mode, std::string_view ca) {
    MySqlOptions options = OptionsFor("pairs");
    relay_ = std::make_unique<TcpRelay>(options.socket, hide_tls);
    EXPECT_NE(relay_->port(), 0);
    options.socket.clear();
    options.host = std::move(host);
    options.port = relay_->port();
    options.user = "guarded";
    options.password = "s3cret-w0rd";
    options.ssl_mode = mode;
    if (!ca.empty()) options.ssl_ca = absl::StrCat(dir_, "/", std::string(ca));
    return options;
  }

  void ExpectLoads(const MySqlOptions& options) {
    const absl::StatusOr<Content> content = Load(options);
    ASSERT_TRUE(content.ok()) << content.status();
    EXPECT_EQ(*content, (Content{{"o", {{"i", {{{"k", "worth hiding"}}}}}}}));
  }

  void ExpectRefused(const MySqlOptions& options) {
    const absl::Status status = OpenMySqlTable(options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    const std::string message(status.message());
    EXPECT_THAT(message, HasSubstr(absl::StrCat(options.host, ":", options.port)));
    EXPECT_THAT(message, HasSubstr("ssl_mode"));
    EXPECT_THAT(message, Not(HasSubstr("s3cret")));
    EXPECT_THAT(relay_->client_bytes(), Not(HasSubstr("s3cret")));
    EXPECT_THAT(relay_->client_bytes(), Not(HasSubstr("pairs"))) << "no table was asked for";
  }

  // The relay saw statements go by, so that what it does not see elsewhere means something.
  void ExpectReadable(bool readable) {
    if (readable) {
      EXPECT_THAT(relay_->client_bytes(), HasSubstr("SET NAMES utf8mb4"));
    } else {
      EXPECT_THAT(relay_->client_bytes(), Not(HasSubstr("SET NAMES")));
      EXPECT_GT(relay_->client_bytes().size(), 500u);
    }
  }

  TcpRelay& relay() { return *relay_; }

 private:
  std::string dir_;
  std::unique_ptr<TcpRelay> relay_;
};

TEST_F(MySqlTlsTest, DisabledSpeaksPlainTextEvenWhereTlsIsOffered) {
  // MySQL wants a password that it has not seen over TLS, then a hash of it.
  if (!IsMariaDb()) ExpectLoads(Over(false, "localhost", MySqlSslMode::kRequired, ""));
  ExpectLoads(Over(false, "localhost", MySqlSslMode::kDisabled, ""));
  ExpectReadable(true);
}

TEST_F(MySqlTlsTest, PreferredSpeaksTlsWhereItIsOfferedAndPlainTextElsewhere) {
  ExpectLoads(Over(false, "127.0.0.1", MySqlSslMode::kPreferred, ""));
  ExpectReadable(false);
  ExpectLoads(Over(true, "127.0.0.1", MySqlSslMode::kPreferred, ""));
  ExpectReadable(true);
}

TEST_F(MySqlTlsTest, RequiredSpeaksTlsWithWhomeverAndNeverPlainText) {
  ExpectLoads(Over(false, "127.0.0.1", MySqlSslMode::kRequired, ""));
  ExpectReadable(false);
  ExpectRefused(Over(true, "localhost", MySqlSslMode::kRequired, ""));
}

// Whether the login of `user` has the bit of TLS among its capabilities, in the packet's fifth and
// sixth byte.
bool AsksForTls(const std::string& client_bytes, const std::string& user) {
  for (std::size_t at = 0; at + 36 < client_bytes.size();) {
    const auto byte = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<unsigned char>(client_bytes[i]));
    };
    const std::size_t size = byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16;
    if (client_bytes.compare(at + 36, user.size(), user) == 0) return (byte(at + 5) & 0x08) != 0;
    at += 4 + size;
  }
  ADD_FAILURE() << "no login of " << user;
  return false;
}

// Whose password the server has never seen, and wants as it is.
TEST_F(MySqlTlsTest, NoPasswordGoesOverAPlainConnection) {
  const std::string who = "'cold'@'localhost'";
  for (const MySqlSslMode mode :
       {MySqlSslMode::kRequired, MySqlSslMode::kPreferred, MySqlSslMode::kDisabled}) {
    Run("DROP USER IF EXISTS " + who);
    Run("CREATE USER " + who + " IDENTIFIED BY 's3cret-w0rd'");
    Run("GRANT SELECT ON *.* TO " + who);
    MySqlOptions options = Over(true, "localhost", mode, "");
    options.user = "cold";
    const absl::StatusOr<Content> content = Load(options);
    EXPECT_THAT(relay().client_bytes(), Not(HasSubstr("s3cret")));
    if (mode == MySqlSslMode::kRequired) {
      EXPECT_EQ(content.status().code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_THAT(std::string(content.status().message()), HasSubstr("offers no TLS"));
      EXPECT_THAT(relay().client_bytes(), Not(HasSubstr("cold"))) << "nobody came to log in";
    } else {
      EXPECT_FALSE(AsksForTls(relay().client_bytes(), "cold"));
      EXPECT_TRUE(content.ok() || !IsMariaDb()) << content.status();
    }
  }
  Run("DROP USER " + who);
}

TEST_F(MySqlTlsTest, VerifyingAcceptsTheRightNameUnderTheRightAuthority) {
  for (const MySqlSslMode mode : kVerifying) {
    ExpectLoads(Over(false, "localhost", mode, "ca.pem"));
    ExpectReadable(false);
  }
}

TEST_F(MySqlTlsTest, VerifyingRefusesAServerWithoutTls) {
  for (const MySqlSslMode mode : kVerifying) {
    ExpectRefused(Over(true, "localhost", mode, "ca.pem"));
  }
}

TEST_F(MySqlTlsTest, VerifyingRefusesAnotherHostName) {
  // The certificate is for the name, not for the address that it stands for.
  for (const MySqlSslMode mode : kVerifying) {
    ExpectRefused(Over(false, "127.0.0.1", mode, "ca.pem"));
  }
}

TEST_F(MySqlTlsTest, VerifyingRefusesAForeignAuthority) {
  for (const MySqlSslMode mode : kVerifying) {
    ExpectRefused(Over(false, "localhost", mode, "foreign.pem"));
  }
}

TEST_F(MySqlTlsTest, VerifyingRefusesAnAuthorityThatCannotBeRead) {
  for (const MySqlSslMode mode : kVerifying) {
    ExpectRefused(Over(false, "localhost", mode, "nothing.pem"));
    ExpectRefused(Over(false, "localhost", mode, "log"));
  }
}

TEST_F(MySqlTlsTest, AuthoritiesAloneMeanThatTheServerIsVerified) {
  ExpectLoads(Over(false, "localhost", MySqlSslMode::kPreferred, "ca.pem"));
  ExpectReadable(false);
  ExpectRefused(Over(false, "localhost", MySqlSslMode::kPreferred, "foreign.pem"));
  ExpectRefused(Over(true, "localhost", MySqlSslMode::kPreferred, "ca.pem"));
  MySqlOptions asked_for = Over(false, "localhost", MySqlSslMode::kPreferred, "foreign.pem");
  asked_for.ssl_mode_given = true;
  ExpectLoads(asked_for);
  ExpectLoads(Over(false, "localhost", MySqlSslMode::kRequired, "foreign.pem"));
}

class MySqlTlsFollowTest : public MySqlTlsTest {
 protected:
  void SetUp() override {
    MySqlTlsTest::SetUp();
    absl::StatusOr<Cache> cache = Cache::Create();
    ASSERT_TRUE(cache.ok());
    cache_ = std::make_unique<Cache>(*std::move(cache));
    FollowOptions options = QuickFollow();
    options.slow_retry = std::chrono::hours(1);
    const MySqlOptions source = Over(false, "localhost", MySqlSslMode::kVerifyIdentity, "ca.pem");
    auto follower = Follower::Start(source, *cache_, options);
    ASSERT_TRUE(follower.ok()) << follower.status();
    follower_ = *std::move(follower);
    ASSERT_TRUE(Reaches(FollowState::kFollowing)) << follower_->status().last_error;
  }
  void TearDown() override {
    follower_.reset();
    MySqlTlsTest::TearDown();
  }
  bool Reaches(FollowState state) {
    return WaitUntil([&] { return follower_->status().state == state; });
  }
  void KillConnections() {
    for (const auto& row : Rows("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = "
                                "'guarded'")) {
      (void)session().Execute("KILL CONNECTION " + row[0], "killing");  // it may be gone by now
    }
  }
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<Follower> follower_;
};

// The client library calls it an error of TLS (2026), as if the configuration were wrong.
TEST_F(MySqlTlsFollowTest, AConnectionThatEndsIsALostOne) {
  KillConnections();
  ASSERT_TRUE(WaitUntil([&] { return follower_->status().errors > 0; }));
  const absl::Status error = follower_->status().last_error;
  EXPECT_EQ(error.code(), absl::StatusCode::kUnavailable) << error;
  EXPECT_TRUE(Reaches(FollowState::kFollowing)) << follower_->status().last_error;
}

// While a server starts again, or its certificate is exchanged.
TEST_F(MySqlTlsFollowTest, ItIsFollowedAgainSoonWhereTlsWasAwayForAMoment) {
  relay().SetHideTls(true);
  KillConnections();
  ASSERT_TRUE(Reaches(FollowState::kWaiting)) << follower_->status().last_error;
  EXPECT_THAT(std::string(follower_->status().last_error.message()), HasSubstr("ssl_mode"));
  relay().SetHideTls(false);
  EXPECT_TRUE(Reaches(FollowState::kFollowing)) << follower_->status().last_error;
}

}  // namespace
}  // namespace strata
