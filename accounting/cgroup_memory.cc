#include "accounting/cgroup_memory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
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

// A field of mountinfo, in which blanks and such are written "\\040".
std::string Unescaped(const std::string& field) {
  std::string text;
  for (std::size_t i = 0; i < field.size(); ++i) {
    constexpr std::size_t kDigits = 3;
    const std::string digits = field.substr(i + 1, kDigits);
    if (field[i] == '\\' && digits.size() == kDigits &&
        digits.find_first_not_of("01234567") == std::string::npos) {
      text += static_cast<char>(std::stoi(digits, nullptr, 8));
      i += kDigits;
    } else {
      text += field[i];
    }
  }
  return text;
}

// What of `path` lies below `top`, "" where they are one; none where it lies elsewhere. Both are
// paths in the hierarchy, as the process's cgroup namespace shows them: what begins with "/.." is
// outside, and there is no telling where.
std::optional<std::string> Below(const std::string& path, const std::string& top) {
  if (path.starts_with("/..") || top.starts_with("/..")) return std::nullopt;
  if (top == "/") return path == "/" ? "" : path;
  if (path == top) return "";
  if (path.starts_with(top + "/")) return path.substr(top.size());
  return std::nullopt;
}

struct Folder {
  std::string mount;  // where the hierarchy, or the part of it that is to be seen, begins
  std::string path;   // the place's own, in it
};

// The folder of the place: /proc/self/mountinfo says which part of the hierarchy is mounted where.
// "ID PARENT DEVICE ROOT POINT OPTIONS … - TYPE SOURCE OPTIONS". In a container the mount may begin
// at the container's own folder, which the path still names, or, in a cgroup namespace, both are
// "/". Of several mounts the last one lies on top.
std::optional<Folder> FindFolder(const std::string& root, const Place& place) {
  std::optional<Folder> folder;
  for (const std::string& line : Lines(root + "/proc/self/mountinfo")) {
    const std::vector<std::string> halves = absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    if (halves.size() != 2) continue;
    const std::vector<std::string> front = absl::StrSplit(halves[0], ' ');
    const std::vector<std::string> back = absl::StrSplit(halves[1], ' ');
    if (front.size() < 5 || back.size() < 3) continue;
    const bool is =
        place.version == 2 ? back[0] == "cgroup2" : back[0] == "cgroup" && Names(back[2], "memory");
    if (!is) continue;
    const std::optional<std::string> below = Below(place.path, Unescaped(front[3]));
    if (!below.has_value()) continue;
    const std::string mount = root + Unescaped(front[4]);
    folder = Folder{.mount = mount, .path = mount + *below};
  }
  return folder;
}

// The limit that is met first: the place's own or that of a folder around it, as far as they are to
// be seen. A pod's limit is set around its containers.
std::optional<std::uint64_t> FindLimit(const Folder& folder, const char* file) {
  std::optional<std::uint64_t> limit;
  for (std::string path = folder.path;; path.erase(path.rfind('/'))) {
    const std::optional<std::uint64_t> one = Number(path + "/" + file);
    if (one.has_value() && *one < limit.value_or(kNoLimit)) limit = one;
    if (path.size() <= folder.mount.size()) return limit;
  }
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
          .kernel_source = "memory.stat, kernel, sock",
          .active_anon = stat.Get("active_anon"),
          .inactive_anon = stat.Get("inactive_anon"),
          .active_file = stat.Get("active_file"),
          .inactive_file = stat.Get("inactive_file"),
          .unevictable = stat.Get("unevictable")};
}

// Anonymous memory of processes.
struct Anonymous {
  std::uint64_t bytes = 0;
  // Of them, what other processes have as well, but for this one's part of it.
  std::uint64_t shared_bytes = 0;
};

// Adds what a process has to `sum`; false where it cannot be read.
bool AddAnon(const std::string& root, const std::string& pid, Anonymous* sum) {
  // A process of another PID namespace is listed as 0.
  if (pid == "0") return false;
  const std::string process = absl::StrCat(root, "/proc/", pid);
  const std::vector<std::string> lines = Lines(process + "/smaps_rollup");
  // One that has ended meanwhile has nothing any more.
  if (lines.empty()) return access(process.c_str(), F_OK) != 0;
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> part_bytes;  // Linux before 5.4 does not say
  for (const std::string& line : lines) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    std::uint64_t kib = 0;
    if (words.size() != 3 || !absl::SimpleAtoi(words[1], &kib)) continue;
    if (words[0] == "Anonymous:") bytes = kib * 1024;
    if (words[0] == "Pss_Anon:") part_bytes = kib * 1024;
  }
  sum->bytes += bytes;
  sum->shared_bytes += bytes - std::min(bytes, part_bytes.value_or(bytes));
  return true;
}

// Anonymous memory of the other processes in the folder and below, whose pages are charged to it
// alike; none where one cannot be read.
std::optional<Anonymous> OthersAnon(const std::string& root, const std::string& folder) {
  Anonymous sum;
  const std::string self = absl::StrCat(getpid());
  std::vector<std::string> folders = {folder};
  std::error_code error;
  for (auto it = std::filesystem::recursive_directory_iterator(folder, error);
       !error && it != std::filesystem::recursive_directory_iterator(); it.increment(error)) {
    if (it->is_directory(error)) folders.push_back(it->path().string());
  }
  for (const std::string& one : folders) {
    for (const std::string& pid : Lines(one + "/cgroup.procs")) {
      if (pid != self && !AddAnon(root, pid, &sum)) return std::nullopt;
    }
  }
  return sum;
}

void AddTerms(const std::string& root, const std::string& folder, const Figures& figures,
              ProcessBooks* books) {
  const auto add = [&](std::string name, std::int64_t bytes, std::string source) {
    books->terms.push_back(
        {.of = "cgroup", .name = std::move(name), .bytes = bytes, .source = std::move(source)});
  };
  const auto plain = [](std::uint64_t bytes) { return static_cast<std::int64_t>(bytes); };
  if (const std::optional<Anonymous> others = OthersAnon(root, folder); others.has_value()) {
    add("anonymous, this process", plain(books->anon_bytes), "smaps_rollup");
    add("anonymous, the other processes", plain(others->bytes), "smaps_rollup of each");
    // Each process of a fork has the pages of both, which are charged once.
    Anonymous own;
    AddAnon(root, "self", &own);
    add("of that, in several processes", -plain(others->shared_bytes + own.shared_bytes),
        "smaps_rollup of each, Pss_Anon");
  } else {
    add("anonymous, all processes", plain(figures.anon), "memory.stat");
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
  add("unmapped tails of huge pages", tails, "memory.stat, lists");
  add("lazily freed, on lists of files", -lazy, "memory.stat, lists");
}

}  // namespace

void AddCgroup(const std::string& root, ProcessBooks* books, CgroupTerms terms) {
  const std::optional<Place> place = FindPlace(root);
  if (!place.has_value()) return;
  const std::optional<Folder> folder = FindFolder(root, *place);
  if (!folder.has_value()) return;
  const bool second = place->version == 2;
  const auto file = [&](const char* name) { return folder->path + "/" + name; };
  const std::optional<std::uint64_t> current =
      Number(file(second ? "memory.current" : "memory.usage_in_bytes"));
  if (!current.has_value()) return;
  const Table stat(file("memory.stat"));
  // Without it the working set is not known, and the whole of what is charged is not it.
  if (!stat.Find(second ? "inactive_file" : "total_inactive_file").has_value()) return;
  const Figures figures = second ? ReadVersion2(stat) : ReadVersion1(folder->path, stat);
  books->cgroup = CgroupBooks{
      .version = place->version,
      .path = folder->path.substr(root.size()),
      .current_bytes = *current,
      .working_set_bytes = *current - std::min(*current, figures.inactive_file),
      .limit_bytes = FindLimit(*folder, second ? "memory.max" : "memory.limit_in_bytes"),
      .peak_bytes = Number(file(second ? "memory.peak" : "memory.max_usage_in_bytes")),
      .oom_kills = Table(file(second ? "memory.events" : "memory.oom_control")).Find("oom_kill")};
  if (terms == CgroupTerms::kAll) AddTerms(root, folder->path, figures, books);
}

}  // namespace strata
