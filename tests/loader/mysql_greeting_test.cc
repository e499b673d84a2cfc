// Greetings that offer TLS, do not, are errors or cut off, and what is said to a server after them.
// What it means for a login is in mysql_tls_test.
#include "loader/mysql_greeting.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::mysql {
namespace {

using std::string_literals::operator""s;

// As MySQL 9.7 sends it, with and without the bit of TLS among the lower capabilities.
std::string HandShake(char capabilities_high_byte) {
  return "\x0a"
         "9.7.4\0\x0b\0\0\0"
         "12345678\0\xff"s +
         capabilities_high_byte + "\xff\x02\0"s;
}

std::string Packet(std::string_view bytes) {
  return std::string(1, static_cast<char>(bytes.size())) + "\0\0\0"s + std::string(bytes);
}

// Takes one connection, says `first`, then `answer` to what comes, and keeps that.
class OneTalk {
 public:
  OneTalk(std::string first, std::string answer) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, first = std::move(first), answer = std::move(answer)] {
      const int client = accept(listener_, nullptr, nullptr);
      // In two parts, as a network may.
      const std::size_t half = first.size() / 2;
      (void)send(client, first.data(), half, MSG_NOSIGNAL);
      std::this_thread::yield();
      (void)send(client, first.data() + half, first.size() - half, MSG_NOSIGNAL);
      char buffer[1024];
      bool answered = answer.empty();
      for (ssize_t got = 0; (got = recv(client, buffer, sizeof buffer, 0)) > 0;) {
        heard_.append(buffer, static_cast<std::size_t>(got));
        if (!answered) (void)send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
        answered = true;
      }
      close(client);
    });
  }
  OneTalk(const OneTalk&) = delete;
  OneTalk& operator=(const OneTalk&) = delete;
  ~OneTalk() {
    Heard();
    close(listener_);
  }
  std::uint16_t port() const { return port_; }
  /// All that was said to it, once the other side has gone.
  const std::string& Heard() {
    if (thread_.joinable()) thread_.join();
    return heard_;
  }

 private:
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::string heard_;
  std::thread thread_;
};

TEST(Greeting, SaysWhetherTlsIsOffered) {
  for (const auto& [bits, offered] : {std::pair('\xff', true), std::pair('\x08', true),
                                      std::pair('\xf7', false), std::pair('\x00', false)}) {
    Greeting greeting;
    EXPECT_TRUE(ParseGreeting(HandShake(bits), &greeting));
    EXPECT_EQ(greeting.offers_tls, offered);
    EXPECT_EQ(greeting.error, 0);
  }
}

TEST(Greeting, ThatIsCutOffIsNone) {
  const std::string whole = HandShake('\xff');
  const std::size_t high_byte = whole.find('\0') + 16;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    Greeting greeting;
    EXPECT_EQ(ParseGreeting(whole.substr(0, size), &greeting), size >= high_byte) << size;
  }
  const std::string error = "\xff\x10\x04#08004"s;
  for (std::size_t size = 0; size <= error.size(); ++size) {
    Greeting greeting;
    const bool is = size == 3 || size == error.size();  // a text of none, without and with a state
    EXPECT_EQ(ParseGreeting(error.substr(0, size), &greeting), is) << size;
  }
  Greeting greeting;
  EXPECT_FALSE(ParseGreeting("SSH-2.0-OpenSSH_9.2", &greeting));
}

TEST(Greeting, MayBeAnErrorWithItsNumberAndText) {
  for (const std::string& text :
       {"\xff\x10\x04Too many connections"s, "\xff\x10\x04#08004Too many connections"s}) {
    OneTalk server(Packet(text), "");
    const absl::StatusOr<Greeting> greeting =
        ReadGreeting("127.0.0.1", server.port(), std::chrono::seconds(30));
    ASSERT_TRUE(greeting.ok()) << greeting.status();
    EXPECT_EQ(greeting->error, 1040);
    EXPECT_EQ(greeting->error_text, "Too many connections");
    EXPECT_EQ(server.Heard(), "") << "nobody wants to log in";
  }
}

TEST(Greeting, IsFollowedByNobodysLoginWhichEndsTheTalk) {
  const std::string refused = "\xff\x15\x04#28000Access denied"s;
  for (const std::string& answer : {refused, "\xfe"s + "caching_sha2_password\0nonce\0"s, "\0"s}) {
    OneTalk server(Packet(HandShake('\xff')), Packet(answer));
    const absl::StatusOr<Greeting> greeting =
        ReadGreeting("localhost", server.port(), std::chrono::seconds(30));
    ASSERT_TRUE(greeting.ok()) << greeting.status();
    EXPECT_TRUE(greeting->offers_tls);
    EXPECT_EQ(greeting->address, "127.0.0.1");
    std::string expected = "\x38\0\0\1\0\x82\x08\0\0\0\0\1\x2d"s + std::string(23 + 2, '\0') +
                           "mysql_native_password\0"s;
    if (answer[0] == '\xfe') expected += "\0\0\0\3"s;
    if (answer[0] == '\0') expected += "\1\0\0\0\1"s;
    EXPECT_EQ(server.Heard(), expected);
  }
}

TEST(Greeting, OfNoServerIsUnavailable) {
  const auto seconds = std::chrono::seconds(1);
  EXPECT_EQ(ReadGreeting("127.0.0.1", 1, seconds).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReadGreeting("no.such.host.invalid", 1, std::chrono::seconds(0)).status().code(),
            absl::StatusCode::kUnavailable);
  OneTalk other("HTTP/1.1 400 Bad Request\r\n", "");
  const absl::Status status = ReadGreeting("127.0.0.1", other.port(), seconds).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(status.message().empty());
}

}  // namespace
}  // namespace strata::mysql
