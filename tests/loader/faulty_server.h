// A MariaDB server that a test may kill and start again, and a proxy before it that can fall
// silent. Both end with their objects.
//
// Threads: FaultyServer is used by one; the proxy has threads of its own.
#ifndef STRATA_TESTS_LOADER_FAULTY_SERVER_H_
#define STRATA_TESTS_LOADER_FAULTY_SERVER_H_

#include <sys/types.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace strata {

class FaultyServer {
 public:
  /// Makes a data directory below `folder` and starts the server; ok() says whether.
  explicit FaultyServer(const std::string& folder);
  FaultyServer(const FaultyServer&) = delete;
  FaultyServer& operator=(const FaultyServer&) = delete;
  ~FaultyServer();

  bool ok() const { return pid_ > 0; }
  const std::string& socket() const { return socket_; }
  /// SIGKILL, and waits until it is gone.
  void Kill();
  /// Starts it again on the same data and waits until it takes connections.
  bool Start();

 private:
  const std::string folder_;
  const std::string socket_;
  pid_t pid_ = -1;
};

class SilentProxy {
 public:
  /// Listens at `socket` and hands on to `server`.
  SilentProxy(std::string socket, std::string server);
  SilentProxy(const SilentProxy&) = delete;
  SilentProxy& operator=(const SilentProxy&) = delete;
  ~SilentProxy();

  const std::string& socket() const { return socket_; }
  /// Connections stay open and new ones are taken, but no byte comes through.
  void SetSilent(bool silent) { silent_ = silent; }

 private:
  void Accept();
  void Carry(int client);

  const std::string socket_;
  const std::string server_;
  int listener_ = -1;
  std::atomic<bool> silent_{false};
  std::atomic<bool> stop_{false};
  std::thread accepting_;
  std::mutex mutex_;
  std::vector<std::thread> carrying_;
};

}  // namespace strata

#endif  // STRATA_TESTS_LOADER_FAULTY_SERVER_H_
