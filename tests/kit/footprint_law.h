// The ledger law of <strata/footprint.h>, as a check.
//
// Threads: safe from any.
#ifndef STRATA_TESTS_KIT_FOOTPRINT_LAW_H_
#define STRATA_TESTS_KIT_FOOTPRINT_LAW_H_

#include <optional>
#include <string>

#include <strata/footprint.h>
#include <strata/memory_door.h>

namespace strata::kit {

/// How a footprint breaks the law, in words and figures; nothing where it keeps it: the walk finds
/// what the door handed out, no figure has run below zero, the names are paths, each a leaf of its
/// own.
std::optional<std::string> BreachOfLaw(const Footprint& footprint, const DoorTotals& memory);

}  // namespace strata::kit

#endif  // STRATA_TESTS_KIT_FOOTPRINT_LAW_H_
