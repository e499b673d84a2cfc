#include "accounting/thread_stacks.h"

#include <dirent.h>
#include <sched.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

namespace strata {
namespace {

// /proc/self/task/ID/syscall: "running", or "NUMBER six arguments STACK CODE", or "-1 STACK CODE".
std::optional<std::uintptr_t> StackPointer(const char* thread) {
  const std::string path = absl::StrCat("/proc/self/task/", thread, "/syscall");
  std::FILE* const file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return std::nullopt;
  std::uintptr_t words[9] = {};
  long number = 0;
  int count = 0;
  if (std::fscanf(file, "%ld", &number) == 1) {
    while (count < 9 && std::fscanf(file, " 0x%" SCNxPTR, &words[count]) == 1) ++count;
  }
  std::fclose(file);
  // The last two are the pointers to stack and code.
  if (count < 2) return std::nullopt;
  return words[count - 2];
}

std::vector<std::uintptr_t> StackAddresses() {
  constexpr int kTries = 3;
  std::vector<std::uintptr_t> addresses;
  const int here = 0;
  addresses.push_back(reinterpret_cast<std::uintptr_t>(&here));
  DIR* const threads = opendir("/proc/self/task");
  if (threads == nullptr) return addresses;
  for (const dirent* entry = readdir(threads); entry != nullptr; entry = readdir(threads)) {
    if (entry->d_name[0] == '.') continue;
    for (int i = 0; i < kTries; ++i) {
      if (const std::optional<std::uintptr_t> address = StackPointer(entry->d_name)) {
        addresses.push_back(*address);
        break;
      }
      sched_yield();
    }
  }
  closedir(threads);
  return addresses;
}

}  // namespace

Stacks FindStacks(const std::vector<Mapping>& mappings) {
  const std::vector<std::uintptr_t> addresses = StackAddresses();
  Stacks stacks;
  for (const Mapping& mapping : mappings) {
    const Stretch stretch{mapping.begin, mapping.end};
    const bool is = std::any_of(addresses.begin(), addresses.end(),
                                [&](std::uintptr_t at) { return stretch.Has(at); });
    if (!is) continue;
    stacks.where.push_back(stretch);
    stacks.anon_bytes += mapping.anon_bytes;
  }
  return stacks;
}

absl::StatusOr<std::uint64_t> StackBytes() {
  const absl::StatusOr<std::vector<Mapping>> mappings = ReadMappings();
  if (!mappings.ok()) return mappings.status();
  return FindStacks(*mappings).anon_bytes;
}

}  // namespace strata
