#include "accounting/cgroup_memory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace strata {
namespace {

// More than any machine has: how version 1 says that there is no limit.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;

std::vector<std::string> Lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(std::move(line));
  return lines;
}

// A file of one number; none where there is none in it ("max"), or no file.
std::optional<std::uint64_t> Number(const std::string& path) {
  const std::vector<std::string> lines = Lines(path);
  std::uint64_t number = 0;
  if (lines.empty() || !absl::SimpleAtoi(lines[0], &number)) return std::nullopt;
  return number;
}

// "name number" a line.
class Table {
 public:
  explicit Table(const std::string& path) {
    for (const std::string& line : Lines(path)) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      std::uint64_t number = 0;
      if (words.size() == 2 && absl::SimpleAtoi(words[1], &number)) numbers_[words[0]] = number;
    }
  }
  std::optional<std::uint64_t> Find(const std::string& name) const {
    const auto it = numbers_.find(name);
    if (it == numbers_.end()) return std::nullopt;
    return it->second;
  }
  std::uint64_t Get(const std::string& name) const { return Find(name).value_or(0); }

 private:
  std::map<std::string, std::uint64_t> numbers_;
};

bool Names(absl::string_view list, absl::string_view word) {
  const std::vector<absl::string_view> words = absl::StrSplit(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

struct Place {
  int version = 0;
  std::string path;  // in the hierarchy
};

// From /proc/self/cgroup: "4:memory:/path" or "0::/path". Version 1's memory controller first:
// where it is there, version 2 has none.
std::optional<Place> FindPlace(const std::string& root) {
  std::optional<Place> place;
  for (const std::string& line : Lines(root + "/proc/self/cgroup")) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3) continue;
    if (Names(fields[1], "memory")) return Place{.version = 1, .path = fields[2]};
    if (fields[0] == "0" && fields[1].empty()) place = Place{.version = 2, .path = fields[2]};
  }
  return place;
}

// The folder of the place: /proc/self/mountinfo says which part of the hierarchy is mounted where.
// "ID PARENT DEVICE ROOT POINT OPTIONS … - TYPE SOURCE OPTIONS".
std::optional<std::string> FindFolder(const std::string& root, const Place& place) {
  for (const std::string& line : Lines(root + "/proc/self/mountinfo")) {
    const std::vector<std::string> halves = absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    if (halves.size() != 2) continue;
    const std::vector<std::string> front = absl::StrSplit(halves[0], ' ');
    const std::vector<std::string> back = absl::StrSplit(halves[1], ' ');
    if (front.size() < 5 || back.size() < 3) continue;
    const bool is =
        place.version == 2 ? back[0] == "cgroup2" : back[0] == "cgroup" && Names(back[2], "memory");
    if (!is) continue;
    // In a container the mount may begin at the container's own folder, which the path still names.
    std::string below = place.path;
    if (front[3] != "/" && below.starts_with(front[3])) below.erase(0, front[3].size());
    if (below == "/" || below.starts_with("/..")) below.clear();
    return root + front[4] + below;
  }
  return std::nullopt;
}

// The figures whose names differ between the versions.
struct Figures {
  std::uint64_t anon = 0;  // with huge pages
  std::uint64_t shmem = 0;
  std::uint64_t file = 0;  // with shmem
  std::uint64_t kernel = 0;
  std::string kernel_source;
  std::uint64_t active_anon = 0;
  std::uint64_t inactive_anon = 0;
  std::uint64_t active_file = 0;
  std::uint64_t inactive_file = 0;
  std::uint64_t unevictable = 0;
};

Figures ReadVersion1(const std::string& folder, const Table& stat) {
  const auto total = [&](const char* name) { return stat.Get(absl::StrCat("total_", name)); };
  return {.anon = total("rss"),
          .shmem = total("shmem"),
          .file = total("cache"),
          .kernel = Number(folder + "/memory.kmem.usage_in_bytes").value_or(0),
          .kernel_source = "memory.kmem.usage_in_bytes",
          .active_anon = total("active_anon"),
          .inactive_anon = total("inactive_anon"),
          .active_file = total("active_file"),
          .inactive_file = total("inactive_file"),
          .unevictable = total("unevictable")};
}

Figures ReadVersion2(const Table& stat) {
  // Linux before 5.18 has no sum.
  const std::uint64_t parts = stat.Get("kernel_stack") + stat.Get("pagetables") +
                              stat.Get("percpu") + stat.Get("slab") + stat.Get("vmalloc");
  return {.anon = stat.Get("anon"),
          .shmem = stat.Get("shmem"),
          .file = stat.Get("file"),
          .kernel = stat.Find("kernel").value_or(parts) + stat.Get("sock"),
          .kernel_source = "memory.stat, kernel and sock",
          .active_anon = stat.Get("active_anon"),
          .inactive_anon = stat.Get("inactive_anon"),
          .active_file = stat.Get("active_file"),
          .inactive_file = stat.Get("inactive_file"),
          .unevictable = stat.Get("unevictable")};
}

// Anonymous memory of the other processes in the folder and below; none where one cannot be read.
std::optional<std::uint64_t> OthersAnon(const std::string& root, const std::string& folder) {
  std::uint64_t bytes = 0;
  for (const std::string& pid : Lines(folder + "/cgroup.procs")) {
    if (pid == absl::StrCat(getpid())) continue;
    const std::vector<std::string> lines =
        Lines(absl::StrCat(root, "/proc/", pid, "/smaps_rollup"));
    if (lines.empty() && access(absl::StrCat(root, "/proc/", pid).c_str(), F_OK) == 0) {
      return std::nullopt;
    }
    for (const std::string& line : lines) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
      std::uint64_t kib = 0;
      if (words.size() == 3 && words[0] == "Anonymous:" && absl::SimpleAtoi(words[1], &kib)) {
        bytes += kib * 1024;
      }
    }
  }
  return bytes;
}

void AddTerms(const std::string& root, const std::string& folder, const Figures& figures,
              ProcessBooks* books) {
  const auto add = [&](std::string name, std::int64_t bytes, std::string source) {
    books->terms.push_back(
        {.of = "cgroup", .name = std::move(name), .bytes = bytes, .source = std::move(source)});
  };
  const auto plain = [](std::uint64_t bytes) { return static_cast<std::int64_t>(bytes); };
  const std::optional<std::uint64_t> others = OthersAnon(root, folder);
  if (others.has_value()) {
    add("anonymous memory of this process", plain(books->anon_bytes), "smaps_rollup");
    add("anonymous memory of the other processes", plain(*others), "smaps_rollup of each");
  } else {
    add("anonymous memory", plain(figures.anon), "memory.stat");
  }
  add("shared memory", plain(figures.shmem), "memory.stat, shmem");
  add("active file pages", plain(figures.active_file), "memory.stat, active_file");
  add("kernel memory", plain(figures.kernel), figures.kernel_source);
  // Anonymous pages that were given up lazily stand on the lists of file pages, and the kernel
  // still charges the tails of huge pages that nobody maps: both show only where its lists differ.
  const std::int64_t lazy = plain(figures.active_file + figures.inactive_file) -
                            plain(figures.file - std::min(figures.file, figures.shmem));
  const std::int64_t tails =
      plain(figures.active_anon + figures.inactive_anon + figures.unevictable) + lazy -
      plain(figures.anon) - plain(figures.shmem);
  add("tails of huge pages that are unmapped and still charged", tails,
      "memory.stat, lists less anon and shmem");
  add("lazily freed pages that are on the lists of file pages", -lazy,
      "memory.stat, lists less file");
}

}  // namespace

void AddCgroup(const std::string& root, ProcessBooks* books) {
  const std::optional<Place> place = FindPlace(root);
  if (!place.has_value()) return;
  const std::optional<std::string> folder = FindFolder(root, *place);
  if (!folder.has_value()) return;
  const bool second = place->version == 2;
  const auto file = [&](const char* name) { return *folder + "/" + name; };
  const std::optional<std::uint64_t> current =
      Number(file(second ? "memory.current" : "memory.usage_in_bytes"));
  if (!current.has_value()) return;
  const Table stat(file("memory.stat"));
  const Figures figures = second ? ReadVersion2(stat) : ReadVersion1(*folder, stat);
  CgroupBooks cgroup{
      .version = place->version,
      .path = folder->substr(root.size()),
      .current_bytes = *current,
      .working_set_bytes = *current - std::min(*current, figures.inactive_file),
      .limit_bytes = Number(file(second ? "memory.max" : "memory.limit_in_bytes")),
      .peak_bytes = Number(file(second ? "memory.peak" : "memory.max_usage_in_bytes")),
      .oom_kills = Table(file(second ? "memory.events" : "memory.oom_control")).Find("oom_kill")};
  if (cgroup.limit_bytes.value_or(0) >= kNoLimit) cgroup.limit_bytes.reset();
  books->cgroup = std::move(cgroup);
  AddTerms(root, *folder, figures, books);
}

}  // namespace strata
