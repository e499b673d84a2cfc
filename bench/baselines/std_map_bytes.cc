#include "bench/baselines/std_map_bytes.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace strata {
namespace {

// Holds one outer at a time, and of it one entry.
class Scales final : public ContentVisitor {
 public:
  Scales() : map_(MakeLayout(kReferenceLayout)), bytes_(HeldBytes()) {}

  void OnOuter(std::string_view outer) override {
    EndOuter();
    outer_ = outer;
    has_outer_ = true;
    Weigh([&] { return map_->PutOuter(outer_); });
  }
  void OnEntry(std::string_view inner) override {
    EndEntry();
    inner_ = inner;
    has_entry_ = true;
  }
  void OnRecord() override { record_ends_.push_back(string_ends_.size() / 2); }
  void OnPair(std::string_view key, std::string_view value) override {
    for (const std::string_view string : {key, value}) {
      text_.append(string);
      string_ends_.push_back(text_.size());
    }
    record_ends_.back() = string_ends_.size() / 2;
  }

  absl::StatusOr<std::uint64_t> Finish() {
    EndOuter();
    if (!status_.ok()) return status_;
    return bytes_;
  }

 private:
  std::uint64_t HeldBytes() const { return map_->memory().allocated_bytes; }

  // Adds what `write` makes the map grow by.
  template <class Write>
  void Weigh(Write write) {
    const std::uint64_t before = HeldBytes();
    status_.Update(write());
    bytes_ += HeldBytes() - before;
  }

  void EndOuter() {
    EndEntry();
    if (has_outer_) map_->DeleteOuter(outer_);
    has_outer_ = false;
  }

  void EndEntry() {
    if (!has_entry_) return;
    const std::string_view text = text_;
    std::size_t begin = 0;
    const auto next = [&](std::size_t end) {
      const std::string_view string = text.substr(begin, end - begin);
      begin = end;
      return string;
    };
    pairs_.clear();
    for (std::size_t i = 0; i < string_ends_.size(); i += 2) {
      const std::string_view key = next(string_ends_[i]);
      pairs_.push_back({key, next(string_ends_[i + 1])});
    }
    Weigh([&] { return map_->Put(outer_, inner_, RecordsView(pairs_, record_ends_)); });
    map_->Delete(outer_, inner_);
    has_entry_ = false;
    text_.clear();
    string_ends_.clear();
    record_ends_.clear();
  }

  std::unique_ptr<Layout> map_;
  std::uint64_t bytes_;  // of all that was weighed, the map's own object first
  absl::Status status_;
  std::string outer_;
  std::string inner_;
  bool has_outer_ = false;
  bool has_entry_ = false;
  // The entry's list: its strings one behind the other, a key and its value in turn.
  std::string text_;
  std::vector<std::size_t> string_ends_;
  std::vector<std::size_t> record_ends_;  // in pairs
  std::vector<Pair> pairs_;
};

}  // namespace

absl::StatusOr<std::uint64_t> StdMapBytes(const Layout& layout) {
  if (layout.name() == kReferenceLayout) return layout.MeasureFootprint().total_bytes();
  Scales scales;
  layout.Visit(scales);
  return scales.Finish();
}

}  // namespace strata
