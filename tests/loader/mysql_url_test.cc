// The URL form and the files that passwords come from.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <strata/mysql_source.h>

namespace strata {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

std::string ErrorOf(std::string_view url) {
  const absl::StatusOr<MySqlOptions> options = ParseMySqlUrl(url);
  EXPECT_FALSE(options.ok()) << url;
  if (options.ok()) return "";
  EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument) << url;
  EXPECT_EQ(Message(options.status()).find('\n'), std::string::npos);
  return Message(options.status());
}

TEST(MySqlUrl, LeavesTheContractsDefaultsWhereNothingIsSaid) {
  const absl::StatusOr<MySqlOptions> options = ParseMySqlUrl("mysql://root@localhost/demo?table=t");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->user, "root");
  EXPECT_EQ(options->host, "localhost");
  EXPECT_EQ(options->port, 3306);
  EXPECT_EQ(options->database, "demo");
  EXPECT_EQ(options->socket, "");
  EXPECT_EQ(options->ssl_mode, MySqlSslMode::kPreferred);
  const MySqlMapping& mapping = options->mapping;
  EXPECT_EQ(mapping.table, "t");
  EXPECT_EQ(mapping.outer, "outer_key");
  EXPECT_EQ(mapping.inner, "inner_key");
  EXPECT_EQ(mapping.order, "seq");
  EXPECT_TRUE(mapping.id.empty());
  EXPECT_FALSE(mapping.cursor.has_value());
  EXPECT_EQ(mapping.deleted, "");
  EXPECT_EQ(mapping.key, "k");
  EXPECT_EQ(mapping.value, "v");
  EXPECT_TRUE(mapping.columns.empty());
  EXPECT_FALSE(mapping.all_columns);
}

TEST(MySqlUrl, ReadsEveryParameter) {
  const absl::StatusOr<MySqlOptions> options = ParseMySqlUrl(
      "mysql://u%40x@[2001:db8::1]:3307/d%2Fb?table=a%26b+c&outer=o&inner=i&order=&id=x,y%2Cz&"
      "cursor=c&deleted=d&columns=p,q%2Cr&socket=/run/s&ssl_mode=VERIFY_IDENTITY&ssl_ca=/ca&"
      "connect_timeout=1500ms&read_timeout=2m&password_file=/p");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->user, "u@x");
  EXPECT_EQ(options->host, "2001:db8::1");
  EXPECT_EQ(options->port, 3307);
  EXPECT_EQ(options->database, "d/b");
  EXPECT_EQ(options->socket, "/run/s");
  EXPECT_EQ(options->ssl_mode, MySqlSslMode::kVerifyIdentity);
  EXPECT_EQ(options->ssl_ca, "/ca");
  EXPECT_EQ(options->connect_timeout_s, 2u);
  EXPECT_EQ(options->read_timeout_s, 120u);
  EXPECT_EQ(options->password_file, "/p");
  const MySqlMapping& mapping = options->mapping;
  EXPECT_EQ(mapping.table, "a&b+c");
  EXPECT_EQ(mapping.outer, "o");
  EXPECT_EQ(mapping.inner, "i");
  EXPECT_EQ(mapping.order, "");
  EXPECT_THAT(mapping.id, ElementsAre("x", "y,z"));
  EXPECT_EQ(mapping.cursor, "c");
  EXPECT_EQ(mapping.deleted, "d");
  EXPECT_THAT(mapping.columns, ElementsAre("p", "q,r"));
}

TEST(MySqlUrl, StarMeansAllColumns) {
  const absl::StatusOr<MySqlOptions> options = ParseMySqlUrl("mysql://u@h/d?table=t&columns=*");
  ASSERT_TRUE(options.ok());
  EXPECT_TRUE(options->mapping.all_columns);
  EXPECT_TRUE(options->mapping.columns.empty());
}

TEST(MySqlUrl, RefusesAPasswordWithoutRepeatingIt) {
  for (const char* url : {"mysql://u:s3cret@h/d?table=t", "mysql://u@h/d?table=t&password=s3cret",
                          "mysql://u@h/d?table=t&pwd=s3cret"}) {
    const std::string error = ErrorOf(url);
    EXPECT_THAT(error, HasSubstr("--defaults-file, MYSQL_PWD or password_file"));
    EXPECT_THAT(error, Not(HasSubstr("s3cret")));
  }
}

TEST(MySqlUrl, NamesAnUnknownParameterAndTheKnownOnes) {
  const std::string error = ErrorOf("mysql://u@h/d?table=t&tabel=x");
  EXPECT_THAT(error, HasSubstr("unknown parameter \"tabel\""));
  EXPECT_THAT(error, HasSubstr("table, outer, inner, order, id, cursor, deleted, key, value"));
}

TEST(MySqlUrl, SaysOfWhatAFileAloneCanSayThatItStandsThere) {
  for (const std::string name : {"record", "list", "query", "where"}) {
    EXPECT_THAT(ErrorOf("mysql://u@h/d?table=t&" + name + "=x"),
                HasSubstr("it stands in a FILE.toml, as " + name + " = \"…\""));
  }
}

TEST(MySqlUrl, RefusesWhatDoesNotFit) {
  EXPECT_THAT(ErrorOf("postgres://u@h/d?table=t"), HasSubstr("mysql://USER@HOST"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d"), HasSubstr("table="));
  EXPECT_THAT(ErrorOf("mysql://u@h?table=t"), HasSubstr("no database"));
  EXPECT_THAT(ErrorOf("mysql://u@h:0/d?table=t"), HasSubstr("port"));
  EXPECT_THAT(ErrorOf("mysql://u@h:65536/d?table=t"), HasSubstr("port"));
  EXPECT_THAT(ErrorOf("mysql://u@h:/d?table=t"), HasSubstr("port"));
  EXPECT_THAT(ErrorOf("mysql://u@unix%3A/d?table=t"), HasSubstr("host"));
  EXPECT_THAT(ErrorOf("mysql://u@[::1/d?table=t"), HasSubstr("["));
  EXPECT_THAT(ErrorOf("mysql://u@[zz]/d?table=t"), HasSubstr("IPv6"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=%4"), HasSubstr("%25"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=%zz"), HasSubstr("%25"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=a%00b"), HasSubstr("zero byte"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=t&table=u"), HasSubstr("twice"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=t&outer"), HasSubstr("no value"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=t&outer="), HasSubstr("outer="));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=t&columns=a&key=b"), HasSubstr("exclude"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=t&columns="), HasSubstr("columns"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=t&columns=a,,b"), HasSubstr("empty name"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=t&ssl_mode=required"), HasSubstr("REQUIRED"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=t&columns=a,b,a"),
              HasSubstr("columns= names \"a\" twi"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=t&columns=a,A"), HasSubstr("columns= names \"A\" twi"));
  EXPECT_THAT(ErrorOf("mysql://u@h/d?table=t&id=a,%61"), HasSubstr("id= names \"a\" twice"));
  for (const char* bad : {"5", "s", "0s", "-1s", "9999999999s", "25h", "1441m"}) {
    EXPECT_THAT(ErrorOf(std::string("mysql://u@h/d?table=t&read_timeout=") + bad),
                HasSubstr("read_timeout"));
  }
}

class MySqlCredentialsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* directory = std::getenv("TMPDIR");
    path_ = std::string(directory != nullptr ? directory : "/tmp") + "/strata-credentials.XXXXXX";
    const int file = mkstemp(path_.data());
    ASSERT_GE(file, 0);
    close(file);
  }
  void TearDown() override { std::remove(path_.c_str()); }
  void Write(std::string_view text) { std::ofstream(path_, std::ios::binary) << text; }
  absl::StatusOr<MySqlOptions> Apply(std::string_view url, const MySqlCredentials& credentials) {
    absl::StatusOr<MySqlOptions> options = ParseMySqlUrl(url);
    if (!options.ok()) return options;
    if (absl::Status status = ApplyMySqlCredentials(credentials, &*options); !status.ok()) {
      return status;
    }
    return options;
  }
  std::string path_;
};

TEST_F(MySqlCredentialsTest, ReadsTheClientSectionAsMySqlsClientsDo) {
  Write(
      "# a comment\n[mysqld]\npassword=no\n[client]\n; another\nuser = ann  # who\n"
      "password=\"a # \\\"b\\\" \"\nport=3310\nhost=db.example.org\nssl_ca=/ca.pem\n"
      "ssl-mode=verify_identity\nunknown-option\n[mysql]\nuser=bob\n");
  const absl::StatusOr<MySqlOptions> options = Apply("mysql:///d?table=t", {path_, {}});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->user, "ann");
  EXPECT_EQ(options->password, "a # \"b\" ");
  EXPECT_EQ(options->port, 3310);
  EXPECT_EQ(options->host, "db.example.org");
  EXPECT_EQ(options->ssl_ca, "/ca.pem");
  EXPECT_EQ(options->ssl_mode, MySqlSslMode::kVerifyIdentity);
  EXPECT_TRUE(options->ssl_mode_given);
}

TEST_F(MySqlCredentialsTest, WhatAConnectionNeedsMayComeFromEither) {
  const auto check = [this](std::string_view url, const std::string& file) {
    const absl::StatusOr<MySqlOptions> options = Apply(url, {file, {}});
    EXPECT_TRUE(options.ok()) << options.status();
    const absl::Status checked = CheckMySqlOptions(*options);
    EXPECT_TRUE(checked.ok() || checked.code() == absl::StatusCode::kInvalidArgument);
    return Message(checked);
  };
  Write("[client]\nuser=ann\nssl-ca=/ca.pem\n");
  EXPECT_THAT(check("mysql://h/d?table=t", ""), HasSubstr("no user is named; write mysql://USER@"));
  EXPECT_THAT(check("mysql://@h/d?table=t", ""), HasSubstr("no user is named"));
  EXPECT_EQ(check("mysql://h/d?table=t", path_), "");
  EXPECT_EQ(check("mysql://u@h/d?table=t&ssl_mode=REQUIRED", ""), "");
  for (const std::string mode : {"VERIFY_CA", "VERIFY_IDENTITY"}) {
    const std::string url = "mysql://u@h/d?table=t&ssl_mode=" + mode;
    EXPECT_THAT(check(url, ""), HasSubstr("add ssl_ca=FILE"));
    EXPECT_EQ(check(url, path_), "");
    EXPECT_EQ(check(url + "&ssl_ca=/ca.pem", ""), "");
  }
  // Opening asks the same, before it speaks to any server.
  const absl::StatusOr<MySqlOptions> nobody = ParseMySqlUrl("mysql://h/d?table=t");
  ASSERT_TRUE(nobody.ok());
  EXPECT_EQ(OpenMySqlTable(*nobody).status(), CheckMySqlOptions(*nobody));
}

TEST_F(MySqlCredentialsTest, TheUrlStandsBeforeTheFile) {
  Write("[client]\nuser=ann\npassword=p\nhost=other\nsocket=/other\nport=1\nssl\n");
  const absl::StatusOr<MySqlOptions> options =
      Apply("mysql://bob@here/d?table=t&ssl_mode=DISABLED", {path_, {}});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->user, "bob");
  EXPECT_EQ(options->host, "here");
  EXPECT_EQ(options->socket, "");
  EXPECT_EQ(options->port, 3306);
  EXPECT_EQ(options->password, "p");
  EXPECT_EQ(options->ssl_mode, MySqlSslMode::kDisabled);
}

TEST_F(MySqlCredentialsTest, MariaDbsWordsForTlsAreNotOverheard) {
  for (const char* strict :
       {"ssl\nssl-verify-server-cert\n", "ssl-verify-server-cert\nssl-mode=PREFERRED\n",
        "ssl-mode=PREFERRED\nssl-verify-server-cert\n"}) {
    Write(std::string("[client]\n") + strict);
    const absl::StatusOr<MySqlOptions> verified = Apply("mysql://u@h/d?table=t", {path_, {}});
    ASSERT_TRUE(verified.ok());
    EXPECT_EQ(verified->ssl_mode, MySqlSslMode::kVerifyIdentity) << strict;
  }
  Write("[client]\nssl=1\nssl-verify-server-cert=off\n");
  const absl::StatusOr<MySqlOptions> required = Apply("mysql://u@h/d?table=t", {path_, {}});
  ASSERT_TRUE(required.ok());
  EXPECT_EQ(required->ssl_mode, MySqlSslMode::kRequired);
}

TEST_F(MySqlCredentialsTest, APasswordFileComesBeforeTheEnvironment) {
  Write("from file \r\nnext line\n");
  const absl::StatusOr<MySqlOptions> file =
      Apply("mysql://u@h/d?table=t&password_file=" + path_, {"", "from env"});
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->password, "from file ");
  const absl::StatusOr<MySqlOptions> env = Apply("mysql://u@h/d?table=t", {"", "from env"});
  ASSERT_TRUE(env.ok());
  EXPECT_EQ(env->password, "from env");
}

TEST_F(MySqlCredentialsTest, NamesTheFileThatCannotBeRead) {
  const absl::StatusOr<MySqlOptions> missing =
      Apply("mysql://u@h/d?table=t", {"/nonexistent/my.cnf", {}});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(missing.status()), HasSubstr("/nonexistent/my.cnf"));
  EXPECT_THAT(Message(Apply("mysql://u@h/d?table=t", {"/tmp", {}}).status()),
              HasSubstr("\"/tmp\" cannot be read: Is a directory"));
  Write("[client]\npassword=s3cret\nport=abc\n");
  const absl::StatusOr<MySqlOptions> wrong = Apply("mysql:///d?table=t", {path_, {}});
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(wrong.status()), Not(HasSubstr("s3cret")));
}

}  // namespace
}  // namespace strata
