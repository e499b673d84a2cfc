#include "tests/loader/faulty_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace strata {
namespace {

// A connected socket, or -1.
int ConnectTo(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

// Takes connections and greets.
bool Answers(const std::string& path) {
  const int fd = ConnectTo(path);
  if (fd < 0) return false;
  pollfd ready = {fd, POLLIN, 0};
  char byte = 0;
  const bool greeted = poll(&ready, 1, 1000) == 1 && read(fd, &byte, 1) == 1;
  close(fd);
  return greeted;
}

bool SendAll(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace

FaultyServer::FaultyServer(const std::string& folder)
    : folder_(folder + "/faulty"), socket_(folder + "/fs") {
  const std::string install = "mkdir -p '" + folder_ +
                              "' && PATH=\"$PATH:/usr/sbin\" mariadb-install-db --no-defaults "
                              "--user=$(id -un) --datadir='" +
                              folder_ + "/data' --tmpdir='" + folder_ +
                              "' --auth-root-authentication-method=normal --skip-test-db "
                              "--innodb-log-file-size=8M >'" +
                              folder_ + "/install.log' 2>&1";
  if (std::system(install.c_str()) == 0) Start();
}

FaultyServer::~FaultyServer() { Kill(); }

void FaultyServer::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

bool FaultyServer::Start() {
  const std::string command =
      "PATH=\"$PATH:/usr/sbin\" exec mariadbd --no-defaults --user=$(id -un) --datadir='" +
      folder_ + "/data' --socket='" + socket_ +
      "' --skip-networking --innodb-log-file-size=8M --innodb-flush-log-at-trx-commit=2 "
      "--innodb-buffer-pool-size=64M --max-allowed-packet=64M --tmpdir='" +
      folder_ + "' >>'" + folder_ + "/server.log' 2>&1";
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  if (child < 0) return false;
  pid_ = child;
  for (int tries = 0; tries < 600; ++tries) {
    if (Answers(socket_)) return true;
    if (waitpid(child, nullptr, WNOHANG) == child) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  Kill();
  return false;
}

SilentProxy::SilentProxy(std::string socket_path, std::string server)
    : socket_(std::move(socket_path)), server_(std::move(server)) {
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_.c_str(), sizeof address.sun_path - 1);
  unlink(socket_.c_str());
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 16) != 0) {
    std::abort();
  }
  accepting_ = std::thread([this] { Accept(); });
}

SilentProxy::~SilentProxy() {
  stop_ = true;
  accepting_.join();
  for (std::thread& thread : carrying_) thread.join();
  close(listener_);
  unlink(socket_.c_str());
}

void SilentProxy::Accept() {
  while (!stop_) {
    pollfd ready = {listener_, POLLIN, 0};
    if (poll(&ready, 1, 20) != 1) continue;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const std::lock_guard<std::mutex> lock(mutex_);
    carrying_.emplace_back([this, client] { Carry(client); });
  }
}

void SilentProxy::Carry(int client) {
  int server = -1;
  std::array<char, 1 << 16> block;
  while (!stop_) {
    if (silent_) {
      // Nothing is read, so nothing is lost either: as a network that only stalls.
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      continue;
    }
    if (server < 0) server = ConnectTo(server_);
    if (server < 0) break;
    std::array<pollfd, 2> ready = {{{client, POLLIN, 0}, {server, POLLIN, 0}}};
    if (poll(ready.data(), ready.size(), 20) <= 0 || silent_) continue;
    bool open = true;
    for (std::size_t side = 0; side < ready.size(); ++side) {
      if (ready[side].revents == 0) continue;
      const ssize_t size = read(ready[side].fd, block.data(), block.size());
      open = open && size > 0 &&
             SendAll(ready[1 - side].fd, block.data(), static_cast<std::size_t>(size));
    }
    if (!open) break;
  }
  if (server >= 0) close(server);
  close(client);
}

}  // namespace strata
