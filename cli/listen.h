// `load --listen`: the debug server of a cache that is being loaded or followed.
//
// Threads: one starts and ends it; `health` is called from the server's.
#ifndef STRATA_CLI_LISTEN_H_
#define STRATA_CLI_LISTEN_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include <strata/cache.h>
#include <strata/debug_http.h>
#include <strata/follow.h>

namespace strata::cli {

/// Serves `cache`, which must outlive the server, at `address`; /healthz answers with what `health`
/// gives. Where `follower` is not empty, what it gives is shown under that name beside the cache,
/// in /metrics too: it must walk nothing. What `status` gives, where there is one, /metrics shows
/// as MetricsOf. An error of the call's words where `address` is none; else as DebugServer::Start.
absl::StatusOr<std::unique_ptr<DebugServer>> Listen(const std::string& address, const Cache& cache,
                                                    std::function<DebugHealth()> health,
                                                    std::function<Footprint()> follower = {},
                                                    std::function<FollowStatus()> status = {});

/// What a person is to know of the server: where it listens, and that others reach it, if they do.
std::string ListenNotice(const DebugServer& server);

/// How following goes, as /healthz tells it: healthy while rounds reach the source, and not before
/// the first one is complete. `message` is what is wrong now: an error that is over is none.
DebugHealth HealthOf(const FollowStatus& status);

/// The same as families of OpenMetrics, `strata_follow_…`: of each source what it has its own of.
std::vector<MetricFamily> MetricsOf(const FollowStatus& status);

}  // namespace strata::cli

#endif  // STRATA_CLI_LISTEN_H_
