// A small HTTP server that a running process can be asked through: what its caches hold and how it
// is. The library strata::debug_http; who embeds the cache without it links neither it nor an HTTP
// library.
//
//     const std::string& name = cache.options().name;
//     auto server = strata::DebugServer::Start("127.0.0.1:6070", {
//         .caches = [&] {
//           return std::vector<strata::NamedFootprint>{{name, cache.MeasureFootprint()}};
//         },
//         .running = [&] {
//           return std::vector<strata::NamedRunning>{
//               {name, cache.Running(), cache.OldestGuardSeconds()}};
//         }});
//
//     GET /              what there is
//     GET /metrics       OpenMetrics
//     GET /footprint     one cache as JSON, as a page where Accept prefers text/html;
//                        ?cache=NAME names another than the first, ?format=json|html|text decides
//     GET /debug/pprof/heap   for `go tool pprof http://…/debug/pprof/heap`
//     GET /healthz       200 or 503, with what `health` says as JSON
//
// Everything else is refused: 404, and 405 for all methods but GET.
//
// What a client can cost: nothing of the cache's, and of others who ask, nothing either. Requests
// are answered by a few threads of the server's own, none of which waits for a client; a request
// has 2 s to arrive and 10 s to be taken, and is at most 16 KiB long; of 256 connections, and of
// answers of 8 MiB that are not taken, one that has long been open makes room for the next. Ranges
// and compression are not to be had. A scrape of /metrics asks
// `running`, which walks nothing and holds no writer up, at most ten times a second. `caches`,
// which walks, is called by one thread at a time, at most once a second and for at most a twentieth
// of the time, and only for /footprint and profiles: between, all clients get the same measurement.
// While it walks, the measurement before is given; a first one that takes long is waited for by a
// few clients and the others get 503, so that /healthz and /metrics are answered meanwhile.
//
// There is no authentication and no encryption: an address that is not loopback shows names and
// sizes of data to whoever reaches it. On loopback a Host that is neither localhost nor an address
// is refused with 403, so that no page of elsewhere reads through a browser.
//
// Threads: Start and the destructor from any one; the callbacks are called from the server's
// threads, never two of one kind at once, until the destructor returns.
#ifndef STRATA_DEBUG_HTTP_H_
#define STRATA_DEBUG_HTTP_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include <strata/report.h>

namespace strata {

/// How whoever fills the caches is doing.
struct DebugHealth {
  bool healthy = true;                                    ///< false: /healthz answers 503
  std::string state{};                                    ///< one word, "following"; "" for none
  std::string message{};                                  ///< what is wrong, or ""
  std::vector<std::pair<std::string, double>> figures{};  ///< rows, lags, …: fields of the JSON
};

/// What a server asks. Callbacks may block; they must not throw.
struct DebugSources {
  /// The caches now, in an order that stays; the first is shown where none is named.
  std::function<std::vector<NamedFootprint>()> caches{};
  /// Their running figures now, which /metrics shows. Empty: /metrics shows what `caches` measured.
  std::function<std::vector<NamedRunning>()> running{};
  /// Figures beside those, which /metrics shows where there are running ones.
  std::function<std::vector<MetricFamily>()> others{};
  /// The process's books; empty: those of ReadProcessBooks with `caches`.
  std::function<absl::StatusOr<ProcessBooks>()> process{};
  /// Empty: healthy, nothing to say. Called for each request, so it should be quick.
  std::function<DebugHealth()> health{};
};

class DebugServer {
 public:
  /// Listens on `address`: "HOST:PORT", "[::1]:PORT", ":PORT" or "PORT"; where no host is given,
  /// on 127.0.0.1. Port 0 takes one that is free. InvalidArgument: no such address; Unavailable:
  /// it cannot be listened on, and why; ResourceExhausted: no threads.
  static absl::StatusOr<std::unique_ptr<DebugServer>> Start(const std::string& address,
                                                            DebugSources sources);
  DebugServer(const DebugServer&) = delete;
  DebugServer& operator=(const DebugServer&) = delete;
  /// Ends open connections and waits for callbacks that are running.
  ~DebugServer();

  /// "HOST:PORT" with the port it has.
  const std::string& address() const;
  int port() const;
  /// Whether this machine alone reaches it.
  bool on_loopback() const;

 private:
  struct State;
  explicit DebugServer(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace strata

#endif  // STRATA_DEBUG_HTTP_H_
