// `load --listen`: the debug server of a cache that is being loaded or followed.
//
// Threads: one starts and ends it; `health` is called from the server's.
#ifndef STRATA_CLI_LISTEN_H_
#define STRATA_CLI_LISTEN_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include <strata/cache.h>
#include <strata/debug_http.h>
#include <strata/follow.h>

namespace strata::cli {

/// Serves `cache`, which must outlive the server, at `address`; /healthz answers with what `health`
/// gives. Where `follower` is not empty, what it gives is shown under that name beside the cache,
/// in /metrics too: it must walk nothing. An error of the call's words where `address` is none;
/// else as DebugServer::Start.
absl::StatusOr<std::unique_ptr<DebugServer>> Listen(const std::string& address, const Cache& cache,
                                                    std::function<DebugHealth()> health,
                                                    std::function<Footprint()> follower = {});

/// What a person is to know of a server that was told to listen on `given`: where it does, if that
/// says more, and that others reach it, if they do. "" for nothing.
std::string ListenNotice(const DebugServer& server, const std::string& given);

/// How following goes, as /healthz tells it: healthy while rounds reach the source, and not before
/// the first one is complete. `message` is what is wrong now: an error that is over is none.
DebugHealth HealthOf(const FollowStatus& status);

}  // namespace strata::cli

#endif  // STRATA_CLI_LISTEN_H_
