// Greetings that offer TLS, do not, or are cut off; servers that are not there. What it means for
// a login is in mysql_tls_test.
#include "loader/mysql_greeting.h"

#include <string>

#include <gtest/gtest.h>

namespace strata::mysql {
namespace {

// As MySQL 9.7 sends it, with and without the bit of TLS among the lower capabilities.
std::string Greeting(char capabilities_high_byte) {
  return std::string("\x0a", 1) + "9.7.4" + std::string("\0\x0b\0\0\0", 5) + "12345678" +
         std::string("\0\xff", 2) + capabilities_high_byte + std::string("\xff\x02\0", 3);
}

TEST(Greeting, SaysWhetherTlsIsOffered) {
  EXPECT_TRUE(GreetingOffersTls(Greeting('\xff')));
  EXPECT_TRUE(GreetingOffersTls(Greeting('\x08')));
  EXPECT_FALSE(GreetingOffersTls(Greeting('\xf7')));
  EXPECT_FALSE(GreetingOffersTls(Greeting('\x00')));
}

TEST(Greeting, ThatIsCutOffOffersNothing) {
  const std::string whole = Greeting('\xff');
  const std::size_t high_byte = whole.find('\0') + 16;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    EXPECT_EQ(GreetingOffersTls(whole.substr(0, size)), size >= high_byte) << size;
  }
}

TEST(Greeting, OfNoServerIsUnavailable) {
  const absl::StatusOr<bool> offered = OffersTls("127.0.0.1", 1, std::chrono::seconds(5));
  EXPECT_EQ(offered.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(offered.status().message().empty());
  EXPECT_EQ(OffersTls("no.such.host.invalid", 1, std::chrono::seconds(5)).status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace strata::mysql
