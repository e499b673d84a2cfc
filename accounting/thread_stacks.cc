#include "accounting/thread_stacks.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
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

// Of any thread, running or not: the kernel has the address of a list that the C library keeps for
// it in its control block, and the threads library puts that at the upper end of the thread's
// stack, whoever gave the memory. (Not that of the first thread, whose stack is the kernel's.)
std::optional<std::uintptr_t> ControlBlock(const char* thread) {
  const long id = std::strtol(thread, nullptr, 10);
  if (id == getpid()) return std::nullopt;
  void* list = nullptr;
  std::size_t size_bytes = 0;
  if (syscall(SYS_get_robust_list, id, &list, &size_bytes) != 0) return std::nullopt;
  if (list == nullptr) return std::nullopt;
  return reinterpret_cast<std::uintptr_t>(list);
}

std::vector<std::uintptr_t> StackAddresses() {
  std::vector<std::uintptr_t> addresses;
  const int here = 0;
  addresses.push_back(reinterpret_cast<std::uintptr_t>(&here));
  DIR* const threads = opendir("/proc/self/task");
  if (threads == nullptr) return addresses;
  for (const dirent* entry = readdir(threads); entry != nullptr; entry = readdir(threads)) {
    if (entry->d_name[0] == '.') continue;
    // A thread may run on a stack that it was not given by the threads library.
    for (const auto& address : {StackPointer(entry->d_name), ControlBlock(entry->d_name)}) {
      if (address.has_value()) addresses.push_back(*address);
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
    const bool is = mapping.name == "[stack]" ||
                    std::any_of(addresses.begin(), addresses.end(),
                                [&](std::uintptr_t at) { return stretch.Has(at); });
    // Who gives a thread a stack out of the heap has a block in use there, and no mapping.
    if (!is || mapping.name == "[heap]") continue;
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
