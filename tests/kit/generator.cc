#include "tests/kit/generator.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace strata::kit {
namespace {

using Kind = Operation::Kind;

// Of 256. Writes that add outweigh those that take away, or a map of this size would stay empty.
struct Weight {
  Kind kind;
  unsigned weight;
};
constexpr std::array<Weight, Operation::kKinds> kWeights = {{{Kind::kPut, 48},
                                                             {Kind::kAppend, 36},
                                                             {Kind::kAppendRecords, 12},
                                                             {Kind::kUpdateRecord, 28},
                                                             {Kind::kInsertRecord, 20},
                                                             {Kind::kRemoveRecord, 22},
                                                             {Kind::kPutOuter, 6},
                                                             {Kind::kDelete, 16},
                                                             {Kind::kDeleteOuter, 5},
                                                             {Kind::kClear, 1},
                                                             {Kind::kMaintain, 4},
                                                             {Kind::kHasOuter, 6},
                                                             {Kind::kLookup, 30},
                                                             {Kind::kVisitEntry, 20},
                                                             {Kind::kVisit, 2}}};

constexpr unsigned TotalWeight() {
  unsigned sum = 0;
  for (const Weight& weight : kWeights) sum += weight.weight;
  return sum;
}
static_assert(TotalWeight() == 256, "a fuzzer spends one byte on the kind");

bool Reads(Kind kind) {
  return kind == Kind::kHasOuter || kind == Kind::kLookup || kind == Kind::kVisitEntry ||
         kind == Kind::kVisit;
}

std::string RandomBytes(std::uint64_t seed, std::size_t length) {
  std::string bytes;
  while (bytes.size() < length) {
    std::uint64_t word = SplitMix64(&seed);
    for (int i = 0; i < 8; ++i, word >>= 8) bytes.push_back(static_cast<char>(word & 0xff));
  }
  bytes.resize(length);
  return bytes;
}

// Lengths next to those at which containers, length prefixes and malloc change their ways.
std::vector<std::string> Universe(std::uint64_t seed) {
  using namespace std::string_literals;
  std::vector<std::string> strings = {""s,
                                      "a"s,
                                      "b"s,
                                      "aa"s,
                                      "\0"s,
                                      "\0\0"s,
                                      "a\0"s,
                                      "a\0b"s,
                                      "\xff"s,
                                      "\xff\xfe"s,
                                      "\xc3\x28"s,
                                      "\xed\xa0\x80"s,
                                      "prefix"s,
                                      "prefix/"s,
                                      "prefix/1"s,
                                      "prefix/2"s,
                                      "12345"s,
                                      "true"s,
                                      "value-15-bytes!"s,
                                      "value-16-bytes!!"s,
                                      "value-22-bytes-long..."s,
                                      "value-23-bytes-long...."s};
  strings.push_back(std::string(127, 'p'));
  strings.push_back(std::string(127, 'p') + "1");
  strings.push_back(std::string(127, 'p') + "2");
  strings.push_back(std::string(4095, 'x'));
  strings.push_back(std::string(4096, 'x'));
  strings.push_back(absl::StrCat("tail of ", seed) + std::string(9000, 'y'));
  for (int i = 0; i < 12; ++i) {
    const std::uint64_t length = 1 + SplitMix64(&seed) % 200;
    strings.push_back(RandomBytes(SplitMix64(&seed), length));
  }
  for (std::size_t i = strings.size() - 1; i > 0; --i) {
    std::swap(strings[i], strings[SplitMix64(&seed) % (i + 1)]);
  }
  return strings;
}

}  // namespace

OperationGenerator::OperationGenerator(Draws* draws, const GeneratorOptions& options)
    : draws_(draws), options_(options), universe_(Universe(draws->Below(256))) {}

std::string OperationGenerator::FreshString() {
  const std::size_t length = 1 + draws_->Below(200);
  return RandomBytes(draws_->Below(1U << 16), length);
}

std::string OperationGenerator::AnyString() {
  const std::uint64_t drawn = draws_->Below(256);
  return drawn >= 5 * universe_.size() ? FreshString() : universe_[drawn % universe_.size()];
}

// Mostly one of a few, so that keys repeat within a record and over records.
std::string OperationGenerator::Key() {
  const std::uint64_t drawn = draws_->Below(256);
  return drawn < 8 ? FreshString() : universe_[drawn % 20];
}

OwnedRecord OperationGenerator::AnyRecord() {
  // One record in 16 is a large one: beyond the size at which repeated keys are found otherwise.
  const std::size_t size =
      draws_->Below(16) == 0 ? draws_->Below(options_.largest_record + 1) : draws_->Below(6);
  OwnedRecord record;
  for (std::size_t i = 0; i < size; ++i) {
    std::string key = size > 6 ? AnyString() : Key();
    record.emplace_back(std::move(key), AnyString());
  }
  return record;
}

Operation::Kind OperationGenerator::AnyKind() {
  std::uint64_t drawn = draws_->Below(256);
  Kind kind = Kind::kVisit;
  for (const Weight& weight : kWeights) {
    kind = weight.kind;
    if (drawn < weight.weight) break;
    drawn -= weight.weight;
  }
  const bool shrinking = phase_ == Phase::kShrinking || phase_ == Phase::kNarrowShrinking;
  if (!shrinking || draws_->Below(4) == 0) return kind;
  if (TakesRecords(kind) || kind == Kind::kAppend) return Kind::kDelete;
  return kind == Kind::kInsertRecord ? Kind::kRemoveRecord : kind;
}

bool OperationGenerator::Wanted(Operation::Kind kind) const {
  if (!options_.reads && Reads(kind)) return false;
  return !options_.grows || kind != Kind::kClear;
}

Operation OperationGenerator::Next() {
  constexpr std::size_t kPhaseLength = 48;
  if (made_++ % kPhaseLength == 0 && !options_.grows) {
    phase_ = static_cast<Phase>(draws_->Below(4));
  }
  Operation operation;
  do {
    operation.kind = AnyKind();
  } while (!Wanted(operation.kind) && !draws_->exhausted());

  const Kind kind = operation.kind;
  if (kind == Kind::kClear || kind == Kind::kMaintain || kind == Kind::kVisit) return operation;
  const bool narrow = phase_ == Phase::kNarrow || phase_ == Phase::kNarrowShrinking;
  operation.outer = universe_[draws_->Below(narrow ? 2 : options_.outers) % universe_.size()];
  if (TakesInner(kind)) {
    // From the end, and some from the beginning: outers and inners share a few strings.
    const std::size_t drawn = draws_->Below(narrow ? 3 : options_.inners);
    operation.inner =
        drawn < 2 ? universe_[drawn] : universe_[universe_.size() - 1 - drawn % universe_.size()];
  }
  if (TakesIndex(kind)) operation.index = draws_->Below(draws_->Below(8) == 0 ? 64 : 4);
  if (kind == Kind::kLookup) operation.key = Key();
  if (TakesRecord(kind)) operation.records.push_back(AnyRecord());
  if (kind == Kind::kAppendRecords) operation.index = draws_->Below(8);
  if (TakesRecords(kind)) {
    const std::size_t size = draws_->Below(options_.largest_list + 1);
    for (std::size_t i = 0; i < size; ++i) operation.records.push_back(AnyRecord());
  }
  return operation;
}

std::vector<Operation> OperationsOfSeed(std::uint64_t seed, std::size_t length,
                                        const GeneratorOptions& options) {
  RandomDraws draws(seed);
  OperationGenerator generator(&draws, options);
  std::vector<Operation> operations;
  operations.reserve(length);
  while (operations.size() < length) operations.push_back(generator.Next());
  return operations;
}

std::vector<Operation> OperationsOfBytes(std::span<const std::uint8_t> bytes, std::size_t most,
                                         const GeneratorOptions& options) {
  ByteDraws draws(bytes);
  OperationGenerator generator(&draws, options);
  std::vector<Operation> operations;
  while (!draws.exhausted() && operations.size() < most) operations.push_back(generator.Next());
  return operations;
}

}  // namespace strata::kit
