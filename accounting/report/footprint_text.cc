// A footprint as text, on one screen: the container first, then what anonymous and file memory are
// made of, then the layers as a tree, and the largest outers where they were asked for.
//
// Threads: pure functions.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "accounting/report/outers.h"
#include "accounting/report/shown_text.h"
#include "accounting/report/text_parts.h"

#include <strata/report.h>

namespace strata {
namespace {

// Branches below this share of all are folded into one line.
constexpr double kFoldedShare = 0.01;
// The layer of what guards keep back.
constexpr std::string_view kRetained = "retained";

// The container's own figures.
std::string ContainerText(const std::optional<CgroupBooks>& cgroup) {
  if (!cgroup.has_value()) return "no container, or none whose memory can be read\n";
  const auto or_unknown = [](const std::optional<std::uint64_t>& figure) {
    return figure.has_value() ? Grouped(*figure) : "unknown";
  };
  const std::string limit =
      cgroup->limit_bytes.has_value()
          ? absl::StrCat(Grouped(*cgroup->limit_bytes), " (",
                         Percent(cgroup->current_bytes, *cgroup->limit_bytes), " of it charged)")
          : "none";
  const std::string name = absl::StrCat("container, cgroup v", cgroup->version, ": ");
  const std::string figures =
      absl::StrCat("  charged ", Grouped(cgroup->current_bytes), ", at the peak ",
                   or_unknown(cgroup->peak_bytes), ", limit ", limit, ", OOM kills ",
                   or_unknown(cgroup->oom_kills));
  return absl::StrCat(name, CutBegin(Shown(cgroup->path), kTextColumns - name.size()), "\n",
                      Folded(figures, kTextColumns, 2), "\n");
}

// One step of the process's books: its terms and what they leave. Nothing where it has no terms:
// a process in no container. Terms that are 0 are one line.
void AddStep(const ProcessBooks& process, std::string_view of, const char* name,
             std::uint64_t pairs, Table* table) {
  const std::int64_t rest = process.UnexplainedBytes(of);
  std::int64_t whole = rest;
  std::vector<const MemoryTerm*> terms;
  for (const MemoryTerm& term : process.terms) {
    if (term.of != of) continue;
    terms.push_back(&term);
    whole += term.bytes;
  }
  if (terms.empty() && of == "cgroup") return;
  const auto add = [&](const std::string& title, std::int64_t bytes, const std::string& source) {
    table->Add({title, Grouped(bytes), Percent(bytes, whole),
                pairs == 0 ? "-"
                           : absl::StrFormat(
                                 "%.1f", static_cast<double>(bytes) / static_cast<double>(pairs)),
                source});
  };
  add(name, whole, "");
  const auto zeros = std::count_if(terms.begin(), terms.end(),
                                   [](const MemoryTerm* term) { return term->bytes == 0; });
  // One alone keeps its name.
  for (const MemoryTerm* const term : terms) {
    if (term->bytes == 0 && zeros > 1) continue;
    add(absl::StrCat("  ", Shown(term->name)), term->bytes, term->source);
  }
  if (zeros > 1) add(absl::StrFormat("  (%d that are 0)", zeros), 0, "");
  add("  unexplained", rest, "the rest");
}

std::string ProcessText(const ProcessBooks& process, std::uint64_t pairs) {
  if (process.rss_bytes == 0) return "the process was not asked\n";
  Table table({"process", "bytes", "share", "bytes/pair", "source"}, Table::Last::kWords);
  AddStep(process, "cgroup", "container's working set", pairs, &table);
  AddStep(process, "anon", "anonymous memory", pairs, &table);
  AddStep(process, "file", "file and shared memory", pairs, &table);
  // jemalloc's name ends in the hash of a commit, which the JSON has.
  std::string allocator = process.allocator.name;
  if (allocator.starts_with("jemalloc "))
    allocator.resize(std::min(allocator.find('-'), allocator.size()));
  const std::string resident =
      absl::StrFormat("resident %s, at the peak %s; %s", Grouped(process.rss_bytes),
                      Grouped(process.peak_rss_bytes),
                      allocator.empty() ? "allocator not named" : Shown(allocator));
  return absl::StrCat(ContainerText(process.cgroup), "\n", table.Text(),
                      Folded(resident, kTextColumns, 2), "\n");
}

// A layer's name below its branch; that of the branch where the layer lies beside others below it.
std::string NameBelow(std::string_view branch, const Layer& layer) {
  return layer.name.substr(layer.name.size() > branch.size() ? branch.size() + 1 : 0);
}

// Layers that share the first part of their path.
struct Branch {
  std::string name;
  std::vector<const Layer*> layers{};
  Layer sum{};

  void Add(const Layer& layer) {
    layers.push_back(&layer);
    sum.used_bytes += layer.used_bytes;
    sum.slack_bytes += layer.slack_bytes;
    sum.dead_bytes += layer.dead_bytes;
  }
};

bool IsLarger(const Layer& left, const Layer& right) {
  return left.total_bytes() > right.total_bytes();
}

// The branches, the largest first, and so the layers in each.
std::vector<Branch> BranchesOf(const Footprint& footprint) {
  std::vector<Branch> branches;
  for (const Layer& layer : footprint.layers) {
    const std::string name = layer.name.substr(0, layer.name.find('/'));
    auto branch = std::find_if(branches.begin(), branches.end(),
                               [&](const Branch& known) { return known.name == name; });
    if (branch == branches.end()) branch = branches.insert(branch, Branch{.name = name});
    branch->Add(layer);
  }
  for (Branch& branch : branches) {
    std::stable_sort(branch.layers.begin(), branch.layers.end(),
                     [](const Layer* left, const Layer* right) { return IsLarger(*left, *right); });
  }
  std::stable_sort(branches.begin(), branches.end(), [](const Branch& left, const Branch& right) {
    return IsLarger(left.sum, right.sum);
  });
  return branches;
}

// The bytes of layers, how many of nested std::map's they are where that is known, and what they
// serve, as shares of the layer.
class LayerTable {
 public:
  LayerTable(std::uint64_t whole, std::uint64_t pairs, std::optional<std::uint64_t> std_map_bytes)
      : whole_(whole),
        pairs_(pairs),
        std_map_bytes_(std_map_bytes),
        table_(Row(
            {"layers", "bytes", "share", "bytes/pair", "of std_map", "used", "slack", "dead"})) {}

  bool IsSmall(const Layer& layer) const {
    return static_cast<double>(layer.total_bytes()) < kFoldedShare * static_cast<double>(whole_);
  }

  void Add(std::string name, const Layer& layer) {
    const std::uint64_t bytes = layer.total_bytes();
    table_.Add(Row({std::move(name), Grouped(bytes), Percent(bytes, whole_), Each(bytes, pairs_),
                    OfStdMap(bytes), Percent(layer.used_bytes, bytes),
                    Percent(layer.slack_bytes, bytes), Percent(layer.dead_bytes, bytes)}));
  }

  // Adds what is small as one line, where there is any; one alone keeps its name, below a branch
  // the end of it.
  void AddFolded(const Branch& folded, const std::string* branch = nullptr) {
    if (folded.layers.empty()) return;
    const char* const indent = branch == nullptr ? "" : "  ";
    const Layer& first = *folded.layers.front();
    Add(folded.layers.size() == 1
            ? absl::StrCat(indent, branch == nullptr ? first.name : NameBelow(*branch, first))
            : absl::StrFormat("%s(%d small ones)", indent, folded.layers.size()),
        folded.sum);
  }

  std::string Text() const { return table_.Text(); }

 private:
  std::string OfStdMap(std::uint64_t bytes) const {
    if (std_map_bytes_.value_or(0) == 0) return "-";
    return absl::StrFormat("%.4f",
                           static_cast<double>(bytes) / static_cast<double>(*std_map_bytes_));
  }

  // The ratio's column is there where the ratio is known.
  std::vector<std::string> Row(std::vector<std::string> row) const {
    constexpr std::ptrdiff_t kRatio = 4;
    if (!std_map_bytes_.has_value()) row.erase(row.begin() + kRatio);
    return row;
  }

  std::uint64_t whole_;
  std::uint64_t pairs_;
  std::optional<std::uint64_t> std_map_bytes_;
  Table table_;
};

std::string TreeText(const Footprint& footprint, std::uint64_t pairs,
                     std::optional<std::uint64_t> std_map_bytes) {
  LayerTable table(footprint.total_bytes(), pairs, std_map_bytes);
  Layer all;
  Branch small;
  for (const Branch& branch : BranchesOf(footprint)) {
    all.used_bytes += branch.sum.used_bytes;
    all.slack_bytes += branch.sum.slack_bytes;
    all.dead_bytes += branch.sum.dead_bytes;
    if (table.IsSmall(branch.sum)) {
      for (const Layer* const layer : branch.layers) small.Add(*layer);
      continue;
    }
    table.Add(branch.name, branch.sum);
    if (branch.layers.size() == 1 && branch.layers.front()->name == branch.name) continue;
    Branch folded;
    for (const Layer* const layer : branch.layers) {
      if (table.IsSmall(*layer)) {
        folded.Add(*layer);
      } else {
        table.Add("  " + NameBelow(branch.name, *layer), *layer);
      }
    }
    table.AddFolded(folded, &branch.name);
  }
  table.AddFolded(small);
  table.Add("all layers", all);
  return table.Text();
}

// The law of the ledger in words, how near the limit it is, and what of it is no data's.
std::string LedgerText(const LayoutReport& layout) {
  const Footprint& footprint = layout.footprint;
  const std::uint64_t walked = footprint.total_bytes();
  const std::uint64_t counted = footprint.allocated_bytes;
  const std::uint64_t limit = footprint.memory_limit_bytes;
  if (walked == counted) {
    const std::string of_limit =
        limit == 0
            ? ""
            : absl::StrFormat("; %s of its limit of %s", Percent(counted, limit), Grouped(limit));
    const std::string empty =
        !EmptyShows(layout)
            ? ""
            : absl::StrFormat("; %s of them, %s, are held however little there is",
                              Grouped(*layout.empty_bytes), Percent(*layout.empty_bytes, walked));
    return Folded(absl::StrFormat("walked %s bytes = counted at the door%s%s", Grouped(walked),
                                  of_limit, empty),
                  kTextColumns, 2) +
           "\n";
  }
  return absl::StrFormat("walked %s bytes, BUT counted at the door %s: the books are wrong\n",
                         Grouped(walked), Grouped(counted));
}

// What is dead right after a load seems to be a fault.
std::string DeadText(const Footprint& footprint) {
  std::uint64_t dead_bytes = 0;
  for (const Layer& layer : footprint.layers) {
    if (layer.name != kRetained) dead_bytes += layer.dead_bytes;
  }
  if (1000 * dead_bytes < footprint.total_bytes()) return "";
  return "dead: replaced or deleted, also as the data came in; given back once that pays\n";
}

// Who keeps memory back, where somebody reads at this moment.
std::string GuardText(const Footprint& footprint) {
  if (footprint.oldest_guard_seconds <= 0) return "";
  const Layer* const retained = footprint.Find(kRetained);
  return absl::StrFormat(
      "the oldest guard has been open for %.2f s; %s bytes are kept for guards\n",
      footprint.oldest_guard_seconds, Grouped(retained == nullptr ? 0 : retained->total_bytes()));
}

}  // namespace

std::string FootprintText(const FootprintReport& report) {
  const Footprint& footprint = report.layout.footprint;
  const std::uint64_t pairs = report.dataset.counts.pairs;
  std::string text =
      absl::StrCat(DatasetText(report.dataset), ProcessText(report.process, pairs), "\n",
                   Shown(footprint.layout), "\n", TreeText(footprint, pairs, report.std_map_bytes),
                   LedgerText(report.layout), GuardText(footprint), DeadText(footprint));
  if (report.std_map_bytes.has_value() && *report.std_map_bytes > 0) {
    absl::StrAppendFormat(
        &text, "%.3f of what nested std::map takes, %s bytes\n",
        static_cast<double>(footprint.total_bytes()) / static_cast<double>(*report.std_map_bytes),
        Grouped(*report.std_map_bytes));
  }
  if (!report.outers.empty()) {
    absl::StrAppend(
        &text, "\n",
        OutersText(report.outers, footprint.total_bytes(), report.dataset.counts.outers));
  }
  return text;
}

}  // namespace strata
