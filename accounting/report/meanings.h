// What the words of a footprint mean: a sentence for each layer and group of layers of ours, for
// each state that bytes are in, and for each term of a process's memory. Whoever explains one says
// it in these words.
//
// Threads: constants.
#ifndef STRATA_ACCOUNTING_REPORT_MEANINGS_H_
#define STRATA_ACCOUNTING_REPORT_MEANINGS_H_

#include <span>
#include <string>
#include <string_view>

#include <strata/report.h>

namespace strata {

/// A word and its sentence, which begins small and ends without a full stop.
struct Meaning {
  std::string_view word;
  std::string_view sentence;
};

/// Of layers by their whole names, "log/blobs", and of groups, "log". A layout of somebody else may
/// have layers that are not among them.
std::span<const Meaning> LayerMeanings();
/// Of "used", "slack" and "dead".
std::span<const Meaning> StateMeanings();
/// Of terms by their whole names, but for the caches' own: "layout" stands for "layout packed".
std::span<const Meaning> TermMeanings();

/// The meanings of all that a report's text names, in its order, on lines of kTextColumns at most.
std::string MeaningsText(const FootprintReport& report);

}  // namespace strata

#endif  // STRATA_ACCOUNTING_REPORT_MEANINGS_H_
