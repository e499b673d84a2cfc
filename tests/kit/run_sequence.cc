#include "tests/kit/run_sequence.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/kit/footprint_law.h"

namespace strata::kit {
namespace {

using Kind = Operation::Kind;

// What is wrong, in words; nothing where all is well.
using Complaint = std::optional<std::string>;

std::string ToText(const Counts& counts) {
  return absl::StrCat(counts.outers, " outers, ", counts.entries, " entries, ", counts.records,
                      " records, ", counts.pairs, " pairs");
}

Complaint CompareOutcomes(Outcome expected, Outcome actual, bool keeps_key_order) {
  if (!actual.fault.empty()) return actual.fault;
  if (actual.code != expected.code) {
    return absl::StrCat("status ", absl::StatusCodeToString(actual.code), ", expected ",
                        absl::StatusCodeToString(expected.code));
  }
  if (actual.found != expected.found) {
    return actual.found ? "found what is not there" : "did not find what is there";
  }
  if (actual.value != expected.value) {
    return absl::StrCat("value ", kit::ToText(actual.value), ", expected ",
                        kit::ToText(expected.value));
  }
  if (!keeps_key_order) {
    SortKeys(&expected.list);
    SortKeys(&actual.list);
    SortKeys(&expected.content);
    SortKeys(&actual.content);
  }
  if (auto difference = Difference(expected.list, actual.list)) return difference;
  return Difference(expected.content, actual.content);
}

// A layout, its model and the checks between them.
class Pairing {
 public:
  explicit Pairing(Layout& layout) : Pairing(layout, layout.memory().allocated_bytes) {}
  /// Of a layout that was used and cleared.
  Pairing(Layout& layout, std::uint64_t allocated_when_new)
      : layout_(layout), allocated_when_new_(allocated_when_new) {}

  Complaint Step(const Operation& operation) {
    Outcome actual = Apply(operation, layout_);
    if (auto wrong = CompareOutcomes(model_.Apply(operation), std::move(actual),
                                     layout_.keeps_key_order())) {
      return wrong;
    }
    if (operation.kind == Kind::kClear) return NothingIsKept();
    return std::nullopt;
  }

  // Without checks, for beginnings that were checked before.
  void Repeat(const Operation& operation) { Apply(operation, layout_); }
  void SetModel(Model model) { model_ = std::move(model); }
  const Model& model() const { return model_; }

  Complaint Counted() const {
    if (layout_.counts() != model_.counts()) {
      return absl::StrCat("counts() are ", ToText(layout_.counts()), "; expected ",
                          ToText(model_.counts()));
    }
    if (layout_.empty() != model_.content().empty()) return "empty() is wrong";
    return std::nullopt;
  }

  // Compares the entry and the outer that an operation names: an error must leave them alone, too.
  Complaint Touched(const Operation& operation) {
    if (operation.kind == Kind::kClear || operation.kind == Kind::kMaintain ||
        operation.kind == Kind::kVisit) {
      return std::nullopt;
    }
    Operation question{.kind = Kind::kHasOuter, .outer = operation.outer};
    if (auto wrong = Step(question)) return absl::StrCat("afterwards HasOuter: ", *wrong);
    if (!TakesInner(operation.kind)) return std::nullopt;
    question.kind = Kind::kVisitEntry;
    question.inner = operation.inner;
    if (auto wrong = Step(question)) return absl::StrCat("afterwards VisitEntry: ", *wrong);
    return std::nullopt;
  }

  Complaint Law() const {
    if (const absl::Status valid = layout_.Validate(); !valid.ok()) return valid.ToString();
    return BreachOfLaw(layout_.MeasureFootprint(), layout_.memory());
  }
  Complaint Whole() { return Step({.kind = Kind::kVisit}); }

 private:
  Complaint NothingIsKept() const {
    const std::uint64_t allocated_bytes = layout_.memory().allocated_bytes;
    if (allocated_bytes <= allocated_when_new_) return std::nullopt;
    return absl::StrCat("Clear keeps ", allocated_bytes, " bytes; a new layout has ",
                        allocated_when_new_);
  }

  Layout& layout_;
  std::uint64_t allocated_when_new_;
  Model model_;
};

Complaint CheckStep(Pairing& pairing, const Operation& operation, const Checks& checks,
                    bool compare_whole) {
  if (auto wrong = pairing.Step(operation)) return wrong;
  if (auto wrong = pairing.Counted()) return wrong;
  if (auto wrong = pairing.Touched(operation)) return wrong;
  if (checks.law_each_step) {
    if (auto wrong = pairing.Law()) return wrong;
  }
  return compare_whole ? pairing.Whole() : std::nullopt;
}

Complaint CheckEnd(Pairing& pairing) {
  if (auto wrong = pairing.Whole()) return wrong;
  if (auto wrong = pairing.Law()) return wrong;
  if (auto wrong = pairing.Step({.kind = Kind::kClear})) return wrong;
  if (auto wrong = pairing.Counted()) return wrong;
  if (auto wrong = pairing.Whole()) return wrong;
  return pairing.Law();
}

// Delta debugging: tries smaller sequences and keeps those that still fail.
class Shrinker {
 public:
  Shrinker(const LayoutFactory& make, std::vector<Operation> operations, const Checks& checks,
           std::size_t most_steps)
      : make_(make),
        operations_(std::move(operations)),
        checks_(checks),
        steps_left_(most_steps + 1) {}

  std::vector<Operation> Run() {
    if (!Fails(operations_)) return std::move(operations_);
    CutTo(failing_step_ + 1);
    std::size_t size_before = 0;
    do {
      size_before = operations_.size();
      LeaveOutOperations();
      RenameStrings();
      for (std::size_t i = 0; i < operations_.size(); ++i) Simplify(i);
    } while (operations_.size() < size_before);
    return std::move(operations_);
  }

 private:
  bool Fails(const std::vector<Operation>& candidate) {
    if (steps_left_ < candidate.size()) return false;
    steps_left_ -= candidate.size() + 1;
    const std::unique_ptr<Layout> layout = make_();
    const std::optional<Failure> failure = RunSequence(*layout, candidate, checks_);
    if (failure) failing_step_ = failure->step;
    return failure.has_value();
  }

  bool Keep(std::vector<Operation> candidate) {
    if (!Fails(candidate)) return false;
    operations_ = std::move(candidate);
    CutTo(failing_step_ + 1);
    return true;
  }

  void CutTo(std::size_t size) { operations_.resize(std::min(size, operations_.size())); }

  void LeaveOutOperations() {
    for (std::size_t chunk = std::max<std::size_t>(operations_.size() / 2, 1);;) {
      bool left_out = false;
      for (std::size_t begin = 0; begin < operations_.size();) {
        std::vector<Operation> candidate = operations_;
        const std::size_t end = std::min(begin + chunk, candidate.size());
        candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(begin),
                        candidate.begin() + static_cast<std::ptrdiff_t>(end));
        if (Keep(std::move(candidate))) {
          left_out = true;
        } else {
          begin = end;
        }
      }
      if (chunk == 1 && !left_out) return;
      if (chunk > 1) chunk /= 2;
    }
  }

  // Tries operation `at` changed by `change`.
  template <class Change>
  bool Try(std::size_t at, Change change) {
    if (at >= operations_.size()) return false;
    std::vector<Operation> candidate = operations_;
    change(candidate[at]);
    if (candidate[at] == operations_[at]) return false;
    return Keep(std::move(candidate));
  }

  // Takes smaller strings for `string_of(operation)`, as small as will do.
  template <class StringOf>
  void ShrinkString(std::size_t at, StringOf string_of) {
    for (const char* simple : {"", "a", "b"}) {
      const bool smaller = string_of(operations_[at]).size() > std::string_view(simple).size();
      if (smaller && Try(at, [&](Operation& operation) { string_of(operation) = simple; })) return;
    }
    const auto halve = [&](Operation& operation) {
      std::string& bytes = string_of(operation);
      bytes.resize(bytes.size() / 2);
    };
    while (string_of(operations_[at]).size() > 1 && Try(at, halve)) {
    }
  }

  static void Rename(const std::string& from, const std::string& to, std::string* string) {
    if (*string == from) *string = to;
  }

  // Gives each string a short name wherever it stands: what is needed equal stays equal.
  void RenameStrings() {
    std::set<std::string> strings;
    for (const Operation& operation : operations_) {
      strings.insert({operation.outer, operation.inner, operation.key});
      for (const OwnedRecord& record : operation.records) {
        for (const auto& [key, value] : record) strings.insert({key, value});
      }
    }
    int name = 0;
    for (const std::string& from : strings) {
      const std::string to = absl::StrCat("s", name++);
      if (from.size() <= to.size()) continue;
      std::vector<Operation> candidate = operations_;
      for (Operation& operation : candidate) {
        Rename(from, to, &operation.outer);
        Rename(from, to, &operation.inner);
        Rename(from, to, &operation.key);
        for (OwnedRecord& record : operation.records) {
          for (auto& [key, value] : record) {
            Rename(from, to, &key);
            Rename(from, to, &value);
          }
        }
      }
      Keep(std::move(candidate));
    }
  }

  // An operation that fails stays where it is, so `at` keeps its meaning while it is simplified.
  void Simplify(std::size_t at) {
    LeaveOutRecords(at);
    if (at >= operations_.size()) return;
    for (std::size_t r = 0; r < operations_[at].records.size(); ++r) LeaveOutPairs(at, r);
    while (operations_[at].index > 0 && Try(at, [](Operation& o) { o.index /= 2; })) {
    }
    while (operations_[at].index > 0 && Try(at, [](Operation& o) { --o.index; })) {
    }
    ShrinkString(at, [](Operation& o) -> std::string& { return o.outer; });
    ShrinkString(at, [](Operation& o) -> std::string& { return o.inner; });
    ShrinkString(at, [](Operation& o) -> std::string& { return o.key; });
    for (std::size_t r = 0; r < operations_[at].records.size(); ++r) {
      for (std::size_t p = 0; p < operations_[at].records[r].size(); ++p) {
        ShrinkString(at, [=](Operation& o) -> std::string& { return o.records[r][p].first; });
        ShrinkString(at, [=](Operation& o) -> std::string& { return o.records[r][p].second; });
      }
    }
  }

  void LeaveOutRecords(std::size_t at) {
    if (!TakesRecords(operations_[at].kind)) return;
    for (std::size_t r = operations_[at].records.size(); r-- > 0;) {
      Try(at, [&](Operation& o) {
        o.records.erase(o.records.begin() + static_cast<std::ptrdiff_t>(r));
      });
    }
  }

  void LeaveOutPairs(std::size_t at, std::size_t r) {
    if (Try(at, [&](Operation& o) { o.records[r].clear(); })) return;
    for (std::size_t p = operations_[at].records[r].size(); p-- > 0;) {
      Try(at, [&](Operation& o) {
        o.records[r].erase(o.records[r].begin() + static_cast<std::ptrdiff_t>(p));
      });
    }
  }

  const LayoutFactory& make_;
  std::vector<Operation> operations_;
  Checks checks_;
  std::size_t steps_left_;
  std::size_t failing_step_ = 0;
};

// Walks all sequences depth first. The model of each beginning is kept; the layout, which cannot
// be copied, takes the beginning's operations again, unchecked. It is cleared before, and now and
// then another: making one asks the system for ranges of addresses, which is most of the time.
class AllSequences {
 public:
  AllSequences(const LayoutFactory& make, std::span<const Operation> alphabet, std::size_t length)
      : make_(make), alphabet_(alphabet), length_(length) {}

  std::optional<Failure> Extend(const Model& model) {
    if (sequence_.size() == length_) return std::nullopt;
    for (const Operation& operation : alphabet_) {
      Model extended = model;
      if (auto failure = CheckLast(operation, &extended)) return failure;
      sequence_.push_back(operation);
      if (auto failure = Extend(extended)) return failure;
      sequence_.pop_back();
    }
    return std::nullopt;
  }

  const std::vector<Operation>& sequence() const { return sequence_; }

 private:
  static constexpr std::size_t kTimesUsed = 100;

  void Renew() {
    if (layout_ != nullptr && ++times_used_ % kTimesUsed != 0) return layout_->Clear();
    layout_.reset();  // before the next one is made: the baselines share their books
    layout_ = make_();
    allocated_when_new_ = layout_->memory().allocated_bytes;
  }

  std::optional<Failure> CheckLast(const Operation& operation, Model* model) {
    Renew();
    Pairing pairing(*layout_, allocated_when_new_);
    for (const Operation& earlier : sequence_) pairing.Repeat(earlier);
    pairing.SetModel(std::move(*model));
    Complaint wrong = CheckStep(pairing, operation, {.law_each_step = true}, true);
    *model = pairing.model();
    if (!wrong) return std::nullopt;
    sequence_.push_back(operation);
    return Failure{.step = sequence_.size() - 1, .what = std::move(*wrong)};
  }

  const LayoutFactory& make_;
  std::span<const Operation> alphabet_;
  std::size_t length_;
  std::vector<Operation> sequence_;
  std::unique_ptr<Layout> layout_;
  std::uint64_t allocated_when_new_ = 0;
  std::size_t times_used_ = 0;
};

}  // namespace

std::optional<Failure> RunSequence(Layout& layout, std::span<const Operation> operations,
                                   const Checks& checks) {
  Pairing pairing(layout);
  for (std::size_t step = 0; step < operations.size(); ++step) {
    const bool compare_whole = checks.compare_every != 0 && (step + 1) % checks.compare_every == 0;
    if (auto wrong = CheckStep(pairing, operations[step], checks, compare_whole)) {
      return Failure{.step = step, .what = std::move(*wrong)};
    }
  }
  if (auto wrong = CheckEnd(pairing)) {
    return Failure{.step = operations.size(), .what = "at the end: " + *wrong};
  }
  return std::nullopt;
}

std::vector<Operation> Shrink(const LayoutFactory& make, std::vector<Operation> operations,
                              const Checks& checks, std::size_t most_steps) {
  return Shrinker(make, std::move(operations), checks, most_steps).Run();
}

std::string Report(std::string_view layout, std::span<const Operation> operations,
                   const Failure& failure) {
  const std::string where = failure.step < operations.size() ? kit::ToText(operations[failure.step])
                                                             : std::string("the end");
  return absl::StrCat("layout ", std::string(layout), ": ", failure.what, "\nat ", where, "\nof\n",
                      kit::ToText(operations));
}

std::optional<std::string> CheckSeed(const LayoutFactory& make, std::uint64_t seed,
                                     std::size_t length, const GeneratorOptions& options,
                                     const Checks& checks) {
  const std::vector<Operation> operations = OperationsOfSeed(seed, length, options);
  std::unique_ptr<Layout> layout = make();
  const std::optional<Failure> failure = RunSequence(*layout, operations, checks);
  if (!failure) return std::nullopt;

  // One layout at a time: the baselines share their books.
  layout.reset();
  const std::vector<Operation> shrunk = Shrink(make, operations, checks);
  layout = make();
  const std::optional<Failure> again = RunSequence(*layout, shrunk, checks);
  return absl::StrCat("seed ", seed, ", step ", failure->step, " of ", length, ": ", failure->what,
                      "\nshrunk to ", shrunk.size(), " operations: ",
                      again ? Report(layout->name(), shrunk, *again)
                            : std::string("which do not fail again: the layout's behaviour "
                                          "depends on more than its operations"));
}

std::optional<std::string> CheckAllSequences(const LayoutFactory& make,
                                             std::span<const Operation> alphabet,
                                             std::size_t length) {
  AllSequences all(make, alphabet, length);
  const std::optional<Failure> failure = all.Extend(Model());
  if (!failure) return std::nullopt;
  return Report(make()->name(), all.sequence(), *failure);
}

}  // namespace strata::kit
