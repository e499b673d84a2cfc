#include "tests/accounting/debug_http/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "gtest/gtest.h"

namespace strata {

HttpConnection::HttpConnection(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
}

HttpConnection::~HttpConnection() { close(socket_); }

bool HttpConnection::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool HttpConnection::WaitForBytes() {
  char byte = 0;
  return recv(socket_, &byte, 1, MSG_PEEK) == 1;
}

void HttpConnection::SayNoMore() { shutdown(socket_, SHUT_WR); }

std::string HttpConnection::ReadAll() {
  std::string bytes;
  std::array<char, 1 << 14> block;
  while (true) {
    const ssize_t received = recv(socket_, block.data(), block.size(), 0);
    if (received <= 0) return bytes;
    bytes.append(block.data(), static_cast<std::size_t>(received));
  }
}

HttpAnswer HttpConnection::ReadAnswer() {
  const std::string bytes = ReadAll();
  HttpAnswer answer;
  const std::size_t end = bytes.find("\r\n\r\n");
  if (!bytes.starts_with("HTTP/1.1 ") || end == std::string::npos) return answer;
  answer.status = std::atoi(bytes.c_str() + 9);
  answer.body = bytes.substr(end + 4);
  std::size_t at = bytes.find("\r\n") + 2;
  while (at < end) {
    const std::size_t line_end = bytes.find("\r\n", at);
    const std::size_t colon = bytes.find(": ", at);
    std::string name = bytes.substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    answer.headers[name] = bytes.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  return answer;
}

HttpAnswer HttpGet(int port, const std::string& path, const std::string& headers) {
  HttpConnection connection(port);
  EXPECT_TRUE(
      connection.Send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n"));
  return connection.ReadAnswer();
}

}  // namespace strata
