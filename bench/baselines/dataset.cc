#include "bench/baselines/dataset.h"

#include "absl/container/flat_hash_set.h"
#include "bench/baselines/content_hash.h"
#include "bench/baselines/digest.h"

namespace strata {
namespace {

class Describer final : public ContentVisitor {
 public:
  void OnOuter(std::string_view outer) override {
    ++dataset_.counts.outers;
    AddString(outer);
    digest_.OnOuter(outer);
  }
  void OnEntry(std::string_view inner) override {
    ++dataset_.counts.entries;
    AddString(inner);
    digest_.OnEntry(inner);
  }
  void OnRecord() override {
    ++dataset_.counts.records;
    digest_.OnRecord();
  }
  void OnPair(std::string_view key, std::string_view value) override {
    ++dataset_.counts.pairs;
    AddString(key);
    AddString(value);
    digest_.OnPair(key, value);
  }

  Dataset Finish() {
    dataset_.distinct_strings = strings_.size();
    dataset_.digest = digest_.Hex();
    return dataset_;
  }

 private:
  void AddString(std::string_view string) {
    dataset_.text_bytes += string.size();
    strings_.insert(hasher_.Begin('S').String(string).hash());
  }

  Dataset dataset_;
  Digest digest_;
  ContentHasher hasher_;
  absl::flat_hash_set<ContentHash> strings_;
};

}  // namespace

Dataset DescribeDataset(const Layout& layout) {
  Describer describer;
  layout.Visit(describer);
  return describer.Finish();
}

}  // namespace strata
