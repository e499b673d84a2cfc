// A program that serves what its cache holds, and asks itself over HTTP as a scraper would.
#include <strata/cache.h>
#include <strata/debug_http.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

int main() {
  auto cache = strata::Cache::Create({.name = "mine"});
  if (!cache.ok()) return 1;
  strata::Records list = {{{"123", "abc"}}};
  if (!cache->Put("fieldA", "xyz", list).ok()) return 1;
  auto server =
      strata::DebugServer::Start(":0", {.caches = [&] {
                                   return std::vector<strata::NamedFootprint>{
                                       {cache->options().name, cache->MeasureFootprint()}};
                                 }});
  if (!server.ok()) return 1;

  const int connection = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>((*server)->port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return 1;
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  if (write(connection, request.data(), request.size()) < 0) return 1;
  std::string answer;
  char block[4096];
  for (ssize_t size = 0; (size = read(connection, block, sizeof(block))) > 0;) {
    answer.append(block, static_cast<std::size_t>(size));
  }
  close(connection);
  const bool has_cache = answer.find("{cache=\"mine\",layer=") != std::string::npos;
  std::cout << answer.substr(answer.find(' ') + 1, 3) << (has_cache ? " strata_memory_bytes" : "")
            << "\n";
}
