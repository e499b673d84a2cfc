// The container's figures, read from files as kernels show them: tests/accounting/machines holds a
// pod's container under version 2, one of Docker's under version 1, and a machine without.
#include "accounting/cgroup_memory.h"

#include <fstream>
#include <string>

#include "gmock/gmock.h"

namespace strata {
namespace {

ProcessBooks Read(const std::string& machine, std::uint64_t anon_bytes) {
  ProcessBooks books;
  books.anon_bytes = anon_bytes;
  AddCgroup(std::string(STRATA_MACHINES) + "/" + machine, &books);
  return books;
}

std::int64_t Term(const ProcessBooks& books, const std::string& words) {
  for (const MemoryTerm& term : books.terms) {
    if (term.name.find(words) != std::string::npos) return term.bytes;
  }
  ADD_FAILURE() << "no term " << words;
  return 0;
}

TEST(CgroupMemory, Version2IsReadThroughAMountThatBeginsAtTheContainer) {
  const ProcessBooks books = Read("v2", 503316480);
  ASSERT_TRUE(books.cgroup.has_value());
  EXPECT_EQ(books.cgroup->version, 2);
  EXPECT_EQ(books.cgroup->path, "/sys/fs/cgroup");
  EXPECT_EQ(books.cgroup->current_bytes, 734003200u);
  EXPECT_EQ(books.cgroup->limit_bytes, 1073741824u);
  EXPECT_EQ(books.cgroup->peak_bytes, 801234944u);
  EXPECT_EQ(books.cgroup->oom_kills, 1u);
}

TEST(CgroupMemory, WorkingSetIsKubeletsAndItsTermsCloseIt) {
  const ProcessBooks books = Read("v2", 503316480);
  ASSERT_TRUE(books.cgroup.has_value());
  EXPECT_EQ(books.cgroup->working_set_bytes, 734003200u - 125829120u);
  EXPECT_EQ(Term(books, "shared memory"), 8388608);
  EXPECT_EQ(Term(books, "active file"), 65011712);
  EXPECT_EQ(Term(books, "kernel"), 25165824 + 1048576);
  EXPECT_EQ(Term(books, "lazily"), -2097152);
  EXPECT_EQ(Term(books, "tails"), 7340032);
  EXPECT_EQ(books.UnexplainedBytes("cgroup"), 0);
  // What another process has that is none of the terms is the rest, not hidden.
  EXPECT_EQ(Read("v2", 503316480 - 4096).UnexplainedBytes("cgroup"), 4096);
}

TEST(CgroupMemory, Version1HasNoLimitWhereItsNumberIsBeyondAnyMachine) {
  const ProcessBooks books = Read("v1", 326168576);
  ASSERT_TRUE(books.cgroup.has_value());
  EXPECT_EQ(books.cgroup->version, 1);
  EXPECT_EQ(books.cgroup->path, "/sys/fs/cgroup/memory");
  EXPECT_EQ(books.cgroup->current_bytes, 418119680u);
  EXPECT_EQ(books.cgroup->working_set_bytes, 418119680u - 66035712u);
  EXPECT_EQ(books.cgroup->limit_bytes, std::nullopt);
  EXPECT_EQ(books.cgroup->peak_bytes, 425721856u);
  EXPECT_EQ(books.cgroup->oom_kills, 3u);
  EXPECT_EQ(books.UnexplainedBytes("cgroup"), 929792);
}

TEST(CgroupMemory, WithoutAControllerThereIsNone) {
  for (const char* const machine : {"none", "no such folder"}) {
    const ProcessBooks books = Read(machine, 1);
    EXPECT_FALSE(books.cgroup.has_value());
    EXPECT_TRUE(books.terms.empty());
    EXPECT_EQ(books.UnexplainedBytes("cgroup"), 0);
  }
}

TEST(CgroupMemory, ThisMachinesFiguresAreFoundWhereTheKernelNamesThem) {
  std::string line;
  bool has_memory = false;
  std::ifstream file("/proc/self/cgroup");
  while (std::getline(file, line)) has_memory |= line.find(":memory:") != std::string::npos;
  ProcessBooks books;
  AddCgroup("", &books);
  if (!has_memory) return;  // version 2 or none: the recorded machines stand for those
  ASSERT_TRUE(books.cgroup.has_value());
  EXPECT_GT(books.cgroup->current_bytes, 0u);
  EXPECT_LE(books.cgroup->working_set_bytes, books.cgroup->current_bytes);
}

}  // namespace
}  // namespace strata
