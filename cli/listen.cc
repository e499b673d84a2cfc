#include "cli/listen.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/exit_status.h"

namespace strata::cli {

absl::StatusOr<std::unique_ptr<DebugServer>> Listen(const std::string& address, const Cache& cache,
                                                    std::function<DebugHealth()> health) {
  absl::StatusOr<std::unique_ptr<DebugServer>> server = DebugServer::Start(
      address, {.caches =
                    [&cache] {
                      return std::vector<NamedFootprint>{{.cache = cache.options().name,
                                                          .counts = cache.counts(),
                                                          .footprint = cache.MeasureFootprint()}};
                    },
                .process = {},
                .health = std::move(health)});
  if (!absl::IsInvalidArgument(server.status())) return server;
  return UsageError(absl::StrCat("--listen: ", MessageOf(server.status())));
}

}  // namespace strata::cli
