#include "accounting/report/meanings.h"

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
    {"dead", "replaced or deleted, not yet reclaimed"},
};

}  // namespace

std::span<const Meaning> LayerMeanings() { return kLayers; }

std::span<const Meaning> StateMeanings() { return kStates; }

}  // namespace strata
