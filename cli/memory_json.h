// The JSON forms of what layouts cost and hold at one moment, written and read. For .cc files
// alone: it brings in the JSON library, whose accessors throw where a field is missing or of
// another kind.
//
// Threads: pure functions.
#ifndef STRATA_CLI_MEMORY_JSON_H_
#define STRATA_CLI_MEMORY_JSON_H_

#include <cstdint>

#include "accounting/report/json_parts.h"
#include "bench/baselines/memory_state.h"

#include <strata/footprint.h>

namespace strata::cli {

inline Json MemoryObject(const MemoryState& memory) {
  return {{"total_bytes", memory.total_bytes},
          {"used_bytes", memory.used_bytes},
          {"allocated_bytes", memory.allocated_bytes},
          {"rss_bytes", memory.rss_bytes},
          {"rss_delta_bytes", memory.rss_delta_bytes}};
}

inline MemoryState ReadMemory(const Json& object) {
  return {.total_bytes = object.at("total_bytes").get<std::uint64_t>(),
          .used_bytes = object.at("used_bytes").get<std::uint64_t>(),
          .allocated_bytes = object.at("allocated_bytes").get<std::uint64_t>(),
          .rss_bytes = object.at("rss_bytes").get<std::uint64_t>(),
          .rss_delta_bytes = object.at("rss_delta_bytes").get<std::int64_t>()};
}

/// Adds the counts to `object`.
inline void AddCounts(const Counts& counts, Json* object) {
  (*object)["outers"] = counts.outers;
  (*object)["entries"] = counts.entries;
  (*object)["records"] = counts.records;
  (*object)["pairs"] = counts.pairs;
}

inline Counts ReadCounts(const Json& object) {
  return {.outers = object.at("outers").get<std::uint64_t>(),
          .entries = object.at("entries").get<std::uint64_t>(),
          .records = object.at("records").get<std::uint64_t>(),
          .pairs = object.at("pairs").get<std::uint64_t>()};
}

}  // namespace strata::cli

#endif  // STRATA_CLI_MEMORY_JSON_H_
