#include "accounting/report/meanings.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "accounting/report/shown_text.h"

namespace strata {
namespace {

constexpr Meaning kLayers[] = {
    // packed (cache/packed/)
    {"log", "segments of memory that content is appended to"},
    {"log/blobs", "the content: of each entry its key and its records, written as one blob"},
    {"log/dead", "what was replaced or deleted in segments and not yet given back by the cleaner"},
    {"log/free", "ends of segments that nothing has been written to"},
    {"log/segments", "the list of segments, with what is known of each"},
    {"dictionary", "strings that recur, stored once and named by their numbers"},
    {"dictionary/index", "leads from a string's hash to its number"},
    {"dictionary/table", "leads from a string's number to its bytes, and counts who names it"},
    {"dictionary/bytes", "the strings themselves, in segments of the log"},
    {"index", "hash tables that lead from keys to what the log has of them"},
    {"index/outers", "leads from an outer key's hash to the outer"},
    {"index/inners", "leads from an inner key's hash to the entry, a table for each large outer"},
    {"index/free", "of slabs in which such tables lie side by side, what none of them takes"},
    {"shapes", "lists of keys that records share, stored once"},
    {"policy", "what was learned of strings and key lists, to tell which are worth storing once"},
    {"retained", "what is out of use and kept for a guard that may still be reading it"},
    {"readers", "who is reading, and since when"},
    {"scratch", "buffers of the writer"},
    // interned (cache/interned_layers.h)
    {"strings", "each string once, named by its number"},
    {"strings/bytes", "the strings themselves"},
    {"strings/table", "leads from a string's number to its bytes, and counts who names it"},
    {"strings/index", "leads from a string to its number"},
    {"outers/table", "leads from an outer key's number to the outer"},
    {"outers/objects", "the part of each outer that is equally large"},
    {"inners/tables", "leads from an inner key's number to the list, a table for each outer"},
    {"records/pairs", "of each record its pairs, as the numbers of key and value"},
    // nested containers (bench/baselines/nested_layout.h)
    {"outers", "what is kept of each outer"},
    {"outers/nodes", "a node for each outer, with its key and its container of entries"},
    {"outers/slots", "the table of outers, with their keys and containers of entries"},
    {"outers/buckets", "the array of buckets that leads to the nodes of outers"},
    {"outers/strings", "outer keys that are too long to lie in a string's own object"},
    {"inners", "what is kept of each entry but its records"},
    {"inners/nodes", "a node for each entry, with its inner key and its list"},
    {"inners/slots", "the tables of entries, with their inner keys and lists"},
    {"inners/buckets", "the arrays of buckets that lead to the nodes of entries"},
    {"inners/strings", "inner keys that are too long to lie in a string's own object"},
    {"lists", "the lists of records"},
    {"lists/arrays", "of each list the array of its records"},
    {"records", "the pairs of each record"},
    {"records/nodes", "a node for each pair, with its key and its value"},
    {"records/arrays", "of each record the array of its pairs"},
    {"records/buckets", "the arrays of buckets that lead to the nodes of pairs"},
    {"keys", "the text of keys"},
    {"keys/strings", "keys of pairs that are too long to lie in a string's own object"},
    {"values", "the text of values"},
    {"values/strings", "values that are too long to lie in a string's own object"},
    {"object", "the outermost container's own object"},
    // what a follower keeps beside the cache (loader/include/strata/follow.h)
    {"sources", "of each source that is followed its state and its cursors"},
    {"entry digests", "of each entry that came as JSON a digest, to compare with the table's"},
    {"known rows", "digests of the rows that the next poll will meet again"},
    {"buckets", "while it compares with the table, sums of digests, one for some sixteen entries"},
    {"named", "while it compares with the table, the entries of sums that differed"},
    // whatever the layout
    {"all layers", "everything that was handed out at the door to memory"},
};

constexpr Meaning kStates[] = {
    {"used", "serves live content"},
    {"slack", "spare room and rounding"},
    {"dead", "replaced or deleted, also as the data came in, and not yet reclaimed"},
};

constexpr Meaning kTerms[] = {
    // of the container's working set (accounting/cgroup_memory.cc)
    {"anonymous, this process", "its heap, stacks and data, divided below"},
    {"anonymous, the other processes", "the same of whoever else is in the container"},
    {"of that, in several processes",
     "pages that a fork left to both are counted in each, and charged once"},
    {"anonymous, all processes", "the same of all of them, which cannot be told apart here"},
    {"shared memory", "tmpfs, shared mappings and the like"},
    {"active file pages", "the page cache of files that were used more than once"},
    {"kernel memory",
     "what the kernel keeps for the container: page tables, sockets, names of files"},
    {"unmapped tails of huge pages", "given back in part, and charged until the whole page goes"},
    {"lazily freed, on lists of files",
     "given back with MADV_FREE: resident, and yet no working set"},
    // of anonymous memory (accounting/anon_terms.cc)
    {"layout", "what the cache holds, as its layers divide it"},
    {"change since measured", "what the cache took, or gave back, while this report was made"},
    {"of that, not resident", "of the cache's blocks and pages what was not touched yet"},
    {"headers of the layout's blocks", "8 bytes before each block, which the allocator keeps"},
    {"fragmentation: free, resident", "free blocks between others: whole pages can be released"},
    {"fragmentation: in fast bins",
     "free small blocks that are not joined with their neighbours yet"},
    {"free blocks kept by threads", "free blocks that a thread keeps for its next requests"},
    {"unused ends of heaps", "what a heap has not handed out yet, as far as it was touched"},
    {"states of arenas", "glibc's own lists, of each heap"},
    {"fragmentation: free in slabs", "free places among blocks of one size"},
    {"free regions kept by threads", "free blocks that a thread keeps for its next requests"},
    {"padding of large blocks",
     "a page for each, so that blocks begin at different places of a page"},
    {"free pages not yet returned", "dirty pages: free, and given back after a while"},
    {"free pages the kernel may take",
     "muzzy pages: free, and resident until the kernel wants them"},
    {"pages of zeros in huge pages",
     "free or never used, and resident with the rest of a huge page"},
    {"jemalloc's blocks for threads",
     "where each thread's free blocks are written down, on the allocator's own heap"},
    {"of these, not resident", "of the allocator's free memory what was never touched"},
    {"jemalloc's own structures",
     "what the allocator keeps of its blocks, as far as it was touched"},
    {"notes of large blocks", "where the caches' large blocks are, written down for these books"},
    {"stacks", "of all threads"},
    {"data of program and libraries", "their global variables"},
    // of file memory
    {"program and libraries", "code and constants, which other processes may share"},
    {"shared mappings", "files and memory that are mapped together with others"},
    {"private mappings of files", "files that are mapped for this process alone"},
};

// A line for each name that has a meaning; of one that was there before, none.
class MeaningLines {
 public:
  void Add(std::string_view name, std::span<const Meaning> meanings) {
    const auto it = std::find_if(meanings.begin(), meanings.end(),
                                 [&](const Meaning& meaning) { return meaning.word == name; });
    if (it == meanings.end() || !added_.insert(it->word).second) return;
    std::string line = "  ";
    line.append(it->word).append(": ").append(it->sentence);
    absl::StrAppend(&text_, Folded(line, kTextColumns, 6), "\n");
  }
  const std::string& text() const { return text_; }

 private:
  std::set<std::string_view> added_;
  std::string text_;
};

}  // namespace

std::span<const Meaning> TermMeanings() { return kTerms; }

std::string MeaningsText(const FootprintReport& report) {
  constexpr std::string_view kCaches = "layout ";
  MeaningLines terms;
  for (const char* const of : {"cgroup", "anon", "file"}) {
    for (const MemoryTerm& term : report.process.terms) {
      if (term.of != of || term.bytes == 0) continue;
      terms.Add(term.name.starts_with(kCaches) ? "layout" : std::string_view(term.name), kTerms);
    }
  }
  MeaningLines layers;
  for (const Layer& layer : report.layout.footprint.layers) {
    layers.Add(std::string_view(layer.name).substr(0, layer.name.find('/')), kLayers);
    layers.Add(layer.name, kLayers);
  }
  for (const Meaning& state : kStates) layers.Add(state.word, kStates);
  return absl::StrCat("what the names of the process's memory mean\n", terms.text(),
                      "what the names of layers mean\n", layers.text());
}

std::span<const Meaning> LayerMeanings() { return kLayers; }

std::span<const Meaning> StateMeanings() { return kStates; }

}  // namespace strata
