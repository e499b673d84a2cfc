// The container's figures, read from files that kernels showed: tests/accounting/machines holds a
// process under version 1 and a service under version 2, and a machine without; what mounts,
// namespaces, limits and older kernels make of them is made here. (This machine's own are read by
// tests/cli/cgroup_test.py.)
//
// Threads: one.
#include "accounting/cgroup_memory.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "gmock/gmock.h"

namespace strata {
namespace {

namespace fs = std::filesystem;

ProcessBooks ReadFrom(const std::string& root, std::uint64_t anon_bytes = 0) {
  ProcessBooks books;
  books.anon_bytes = anon_bytes;
  AddCgroup(root, &books);
  return books;
}

ProcessBooks Read(const std::string& machine, std::uint64_t anon_bytes = 0) {
  return ReadFrom(std::string(STRATA_MACHINES) + "/" + machine, anon_bytes);
}

std::int64_t Term(const ProcessBooks& books, const std::string& words) {
  for (const MemoryTerm& term : books.terms) {
    if (term.name.find(words) != std::string::npos) return term.bytes;
  }
  ADD_FAILURE() << "no term " << words;
  return 0;
}

// A copy of a recorded machine, to be changed.
class Machine {
 public:
  explicit Machine(const std::string& name)
      : root_(fs::path(testing::TempDir()) /
              ("cgroup_machine_" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(root_);
    fs::copy(fs::path(STRATA_MACHINES) / name, root_, fs::copy_options::recursive);
  }
  ~Machine() { fs::remove_all(root_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void Write(const std::string& path, std::string_view text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void Remove(const std::string& path) { fs::remove(root_ / path); }
  void Move(const std::string& from, const std::string& to) {
    fs::create_directories((root_ / to).parent_path());
    fs::rename(root_ / from, root_ / to);
  }
  // Leaves out each line of a file that begins so.
  void Drop(const std::string& path, std::string_view beginning) {
    std::ifstream file(root_ / path);
    std::string kept;
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with(beginning)) kept += line + "\n";
    }
    file.close();
    Write(path, kept);
  }
  ProcessBooks Read(std::uint64_t anon_bytes = 0) const { return ReadFrom(root_, anon_bytes); }

 private:
  fs::path root_;
};

constexpr char kMount2[] = " - cgroup2 cgroup rw,nsdelegate\n";
constexpr char kFolder1[] = "sys/fs/cgroup/memory/pod/box";

TEST(CgroupMemory, Version1AsRecordedClosesToLessThanAPercent) {
  const ProcessBooks books = Read("v1");
  ASSERT_TRUE(books.cgroup.has_value());
  EXPECT_EQ(books.cgroup->version, 1);
  EXPECT_EQ(books.cgroup->path, "/sys/fs/cgroup/memory/pod/box");
  EXPECT_EQ(books.cgroup->current_bytes, 52432896u);
  EXPECT_EQ(books.cgroup->working_set_bytes, 52432896u - 8392704u);
  EXPECT_EQ(books.cgroup->limit_bytes, 67108864u);
  EXPECT_EQ(books.cgroup->peak_bytes, 67108864u);
  EXPECT_EQ(books.cgroup->oom_kills, 1u);
  EXPECT_EQ(Term(books, "the other processes"), 43343872);
  EXPECT_EQ(Term(books, "shared memory"), 2097152);
  EXPECT_EQ(Term(books, "active file"), 6291456);
  EXPECT_EQ(Term(books, "kernel"), 409600);
  EXPECT_EQ(Term(books, "lazily"), -8388608);
  EXPECT_EQ(Term(books, "tails"), 0);
  EXPECT_EQ(books.UnexplainedBytes("cgroup"), 286720);
}

// A child of a fork, before either has written much: the pages are counted in both and charged
// once.
TEST(CgroupMemory, PagesOfSeveralProcessesAreTakenBackOnce) {
  Machine machine("v1");
  const std::int64_t rest = machine.Read().UnexplainedBytes("cgroup");
  machine.Write("proc/4711/smaps_rollup",
                "Pss_Anon:          22328 kB\nAnonymous:         42328 kB\n");
  machine.Write("proc/self/smaps_rollup",
                "Pss_Anon:          20100 kB\nAnonymous:         40100 kB\n");
  const ProcessBooks books = machine.Read(40100 << 10);
  EXPECT_EQ(Term(books, "in several processes"), -(40000 << 10));
  EXPECT_EQ(books.UnexplainedBytes("cgroup"), rest - (100 << 10));
  // Older kernels do not say which pages these are.
  machine.Drop("proc/4711/smaps_rollup", "Pss_Anon");
  EXPECT_EQ(Term(machine.Read(), "in several processes"), -(20000 << 10));
}

TEST(CgroupMemory, Version2AsRecordedClosesToLessThanAPercent) {
  constexpr std::uint64_t kAnonBytes = 2471755776;
  const ProcessBooks books = Read("v2", kAnonBytes);
  ASSERT_TRUE(books.cgroup.has_value());
  EXPECT_EQ(books.cgroup->version, 2);
  EXPECT_EQ(books.cgroup->path, "/sys/fs/cgroup");
  EXPECT_EQ(books.cgroup->current_bytes, 13071106048u);
  EXPECT_EQ(books.cgroup->working_set_bytes, 13071106048u - 2935459840u);
  EXPECT_EQ(books.cgroup->limit_bytes, 103079215104u);
  EXPECT_EQ(books.cgroup->peak_bytes, 87302021120u);
  EXPECT_EQ(books.cgroup->oom_kills, 0u);
  EXPECT_EQ(Term(books, "kernel"), 2065149952);
  EXPECT_EQ(Term(books, "tails"), -20480);
  EXPECT_EQ(books.UnexplainedBytes("cgroup"), 1355776);
  // What another process has that is none of the terms is the rest, not hidden.
  EXPECT_EQ(Read("v2", kAnonBytes - 4096).UnexplainedBytes("cgroup"), 1355776 + 4096);
}

TEST(CgroupMemory, WithoutALimitThereIsNone) {
  Machine second("v2");
  second.Write("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(second.Read().cgroup->limit_bytes, std::nullopt);
}

TEST(CgroupMemory, WithoutALimitVersion1SaysANumberBeyondAnyMachine) {
  Machine first("v1");
  first.Write(std::string(kFolder1) + "/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(first.Read().cgroup->limit_bytes, std::nullopt);
}

TEST(CgroupMemory, LimitAroundTheContainerCountsWhereItIsMetFirst) {
  Machine pod("v1");
  pod.Write("sys/fs/cgroup/memory/pod/memory.limit_in_bytes", "60000000\n");
  EXPECT_EQ(pod.Read().cgroup->limit_bytes, 60000000u);
  pod.Write("sys/fs/cgroup/memory/pod/memory.limit_in_bytes", "70000000\n");
  EXPECT_EQ(pod.Read().cgroup->limit_bytes, 67108864u);
}

TEST(CgroupMemory, OomKillsAreCountedInMemoryEvents) {
  Machine second("v2");
  second.Write("sys/fs/cgroup/memory.events",
               "low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 0\n");
  EXPECT_EQ(second.Read().cgroup->oom_kills, 3u);
  second.Remove("sys/fs/cgroup/memory.events");
  EXPECT_EQ(second.Read().cgroup->oom_kills, std::nullopt);
}

TEST(CgroupMemory, KernelsBefore519HaveNoPeakAndBefore518NoSumOfKernelMemory) {
  Machine old("v2");
  old.Remove("sys/fs/cgroup/memory.peak");
  old.Drop("sys/fs/cgroup/memory.stat", "kernel ");
  const ProcessBooks books = old.Read();
  EXPECT_EQ(books.cgroup->peak_bytes, std::nullopt);
  // kernel_stack, pagetables, percpu, slab, vmalloc
  EXPECT_EQ(Term(books, "kernel"), 9699328 + 16302080 + 3528 + 2037641160);
}

TEST(CgroupMemory, MountThatBeginsAtTheContainerIsItsFolder) {
  Machine second("v2");
  second.Write("proc/self/cgroup", "0::/kubepods.slice/pod5d2e.slice/cri-7f3a.scope\n");
  second.Write("proc/self/mountinfo",
               "9 8 0:28 /kubepods.slice/pod5d2e.slice/cri-7f3a.scope /sys/fs/cgroup ro" +
                   std::string(kMount2));
  EXPECT_EQ(second.Read().cgroup->path, "/sys/fs/cgroup");
  // What only begins with the same letters is another container.
  second.Write("proc/self/cgroup", "0::/kubepods.slice/pod5d2e.slice/cri-7f3a.scope2\n");
  EXPECT_FALSE(second.Read().cgroup.has_value());
}

TEST(CgroupMemory, FolderBelowTheMountIsFound) {
  Machine second("v2");
  second.Write("proc/self/cgroup", "0::/docker/0a1b/init\n");
  second.Write("proc/self/mountinfo",
               "9 8 0:28 /docker/0a1b /sys/fs/cgroup ro" + std::string(kMount2));
  second.Write("sys/fs/cgroup/init/memory.current", "4096000\n");
  second.Write("sys/fs/cgroup/init/memory.max", "max\n");
  second.Write("sys/fs/cgroup/init/memory.stat", "inactive_file 96000\n");
  const ProcessBooks books = second.Read();
  ASSERT_TRUE(books.cgroup.has_value());
  EXPECT_EQ(books.cgroup->path, "/sys/fs/cgroup/init");
  EXPECT_EQ(books.cgroup->current_bytes, 4096000u);
  EXPECT_EQ(books.cgroup->working_set_bytes, 4000000u);
  EXPECT_EQ(books.cgroup->limit_bytes, 103079215104u);
}

TEST(CgroupMemory, WhatIsOutsideTheNamespaceIsNotTakenForTheContainer) {
  // unshare --cgroup without a mount of its own: the mount is the whole machine's.
  Machine second("v2");
  second.Write("proc/self/mountinfo",
               "9 8 0:28 /../../.. /sys/fs/cgroup ro" + std::string(kMount2));
  EXPECT_FALSE(second.Read().cgroup.has_value());
  // With one of its own on top of it, that one counts.
  second.Write("proc/self/mountinfo", "9 8 0:28 /../../.. /sys/fs/cgroup ro" +
                                          std::string(kMount2) + "10 9 0:28 / /sys/fs/cgroup ro" +
                                          kMount2);
  EXPECT_EQ(second.Read().cgroup->path, "/sys/fs/cgroup");
  // A process that entered the namespace and stayed in its own cgroup.
  second.Write("proc/self/cgroup", "0::/../../system.slice/other.service\n");
  EXPECT_FALSE(second.Read().cgroup.has_value());
}

TEST(CgroupMemory, MountPointMayHoldABlank) {
  Machine second("v2");
  second.Write("proc/self/mountinfo", "9 8 0:28 / /sys/fs/c\\040group ro" + std::string(kMount2));
  second.Move("sys/fs/cgroup", "sys/fs/c group");
  EXPECT_EQ(second.Read().cgroup->path, "/sys/fs/c group");
}

TEST(CgroupMemory, ControllersMayShareAHierarchy) {
  Machine first("v1");
  first.Write("proc/self/cgroup", "5:cpu,memory:/pod/box\n0::/\n");
  first.Write("proc/self/mountinfo",
              "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,cpu,memory\n");
  EXPECT_EQ(first.Read().cgroup->version, 1);
}

TEST(CgroupMemory, ProcessesOfFoldersBelowAreAmongTheOthers) {
  Machine first("v1");
  first.Move(std::string(kFolder1) + "/cgroup.procs", std::string(kFolder1) + "/a/b/cgroup.procs");
  EXPECT_EQ(Term(first.Read(), "the other processes"), 43343872);
}

TEST(CgroupMemory, WhereAProcessCannotBeReadTheKernelsSumStands) {
  for (const char* const pids : {"4711\n0\n", "4711\n4712\n"}) {
    Machine first("v1");
    first.Write(std::string(kFolder1) + "/cgroup.procs", pids);
    first.Write("proc/4712/smaps_rollup", "");  // it is there and shows nothing
    const ProcessBooks books = first.Read(1 << 20);
    EXPECT_EQ(Term(books, "all processes"), 43343872) << pids;
    EXPECT_EQ(books.UnexplainedBytes("cgroup"), 286720);
  }
}

TEST(CgroupMemory, FilesThatAreCutOffOrNonsenseAreNoFigures) {
  for (const char* const current : {"", "\n", "max\n", "-1\n", "12x\n", "99999999999999999999\n"}) {
    Machine second("v2");
    second.Write("sys/fs/cgroup/memory.current", current);
    EXPECT_FALSE(second.Read().cgroup.has_value()) << current;
  }
  Machine second("v2");
  second.Write("sys/fs/cgroup/memory.stat", "anon\nfile x\ninactive_file 1 2\n\n = \n");
  EXPECT_FALSE(second.Read().cgroup.has_value());
  Machine third("v2");
  ASSERT_TRUE(third.Read().cgroup.has_value());
  third.Write("sys/fs/cgroup/memory.stat", "");
  EXPECT_FALSE(third.Read().cgroup.has_value());
  second.Write("proc/self/mountinfo", "1 2 3\n - cgroup2\nx - y\n\n");
  EXPECT_FALSE(second.Read().cgroup.has_value());
}

TEST(CgroupMemory, WithoutAControllerThereIsNone) {
  for (const char* const machine : {"none", "no such folder"}) {
    const ProcessBooks books = Read(machine, 1);
    EXPECT_FALSE(books.cgroup.has_value());
    EXPECT_TRUE(books.terms.empty());
    EXPECT_EQ(books.UnexplainedBytes("cgroup"), 0);
  }
}

}  // namespace
}  // namespace strata
