// Text for Abseil's functions: Debian's Abseil has a string_view of its own, which the standard's
// does not convert to.
//
// Threads: safe from any.
#ifndef STRATA_LOADER_VIEW_H_
#define STRATA_LOADER_VIEW_H_

#include <string_view>

#include "absl/strings/string_view.h"

namespace strata {

/// The same bytes, as long as those live.
inline absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace strata

#endif  // STRATA_LOADER_VIEW_H_
