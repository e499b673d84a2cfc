#include "tests/kit/footprint_law.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace strata::kit {
namespace {

// No machine holds as much; a difference that ran below zero lies above it.
constexpr std::uint64_t kBeyondAnyMemory = std::uint64_t{1} << 56;

std::string Describe(const Footprint& footprint) {
  std::string text;
  for (const Layer& layer : footprint.layers) {
    absl::StrAppend(&text, "\n    ", layer.name, ": count ", layer.count, ", used ",
                    layer.used_bytes, ", slack ", layer.slack_bytes, ", dead ", layer.dead_bytes);
  }
  return text;
}

std::optional<std::string> FaultyName(const Footprint& footprint) {
  for (const Layer& layer : footprint.layers) {
    if (layer.name.empty() || layer.name.front() == '/' || layer.name.back() == '/' ||
        absl::StrContains(layer.name, "//")) {
      return absl::StrCat("'", layer.name, "' is no path");
    }
    for (const Layer& other : footprint.layers) {
      if (&other == &layer) continue;
      if (other.name == layer.name) return absl::StrCat("two layers named ", layer.name);
      if (absl::StartsWith(other.name, layer.name + "/")) {
        return absl::StrCat("layer ", layer.name, " is no leaf: there is ", other.name);
      }
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> BreachOfLaw(const Footprint& footprint, const DoorTotals& memory) {
  if (footprint.layers.empty()) return "a footprint without layers";
  if (const auto fault = FaultyName(footprint)) return fault;
  for (const Layer& layer : footprint.layers) {
    if (layer.used_bytes >= kBeyondAnyMemory || layer.slack_bytes >= kBeyondAnyMemory ||
        layer.dead_bytes >= kBeyondAnyMemory || layer.count >= kBeyondAnyMemory) {
      return absl::StrCat("a figure of layer ", layer.name,
                          " ran below zero:", Describe(footprint));
    }
    if (layer.used_bytes + layer.slack_bytes + layer.dead_bytes != layer.total_bytes()) {
      return absl::StrCat("used + slack + dead is not total in ", layer.name);
    }
  }
  if (footprint.total_bytes() != footprint.allocated_bytes) {
    return absl::StrCat("the walk finds ", footprint.total_bytes(), " bytes, the door handed out ",
                        footprint.allocated_bytes, ":", Describe(footprint));
  }
  if (footprint.allocated_bytes != memory.allocated_bytes) {
    return absl::StrCat("the footprint says ", footprint.allocated_bytes,
                        " bytes are allocated, memory() says ", memory.allocated_bytes);
  }
  if (memory.total_allocated_bytes < memory.allocated_bytes || memory.allocations < memory.frees) {
    return "the door's totals contradict each other";
  }
  return std::nullopt;
}

}  // namespace strata::kit
