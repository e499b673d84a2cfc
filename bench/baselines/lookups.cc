#include "bench/baselines/lookups.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "bench/baselines/content_hash.h"

namespace strata {
namespace {

// A pair that may be drawn, and what looking it up takes: a copy of its keys, a reading of its
// value.
struct Draft {
  ContentHash hash;
  std::uint64_t key_bytes = 0;
  std::uint64_t value_bytes = 0;

  friend bool operator<(const Draft& a, const Draft& b) { return a.hash < b.hash; }
};

// What all lookups may take: so much that only long keys or values meet it, 220 bytes and 3.5 KB a
// lookup of 300,000.
class Budget {
 public:
  explicit Budget(std::size_t count)
      : key_bytes_(std::max(kKeyBytes, std::uint64_t{256} * count)),
        value_bytes_(std::max(kValueBytes, std::uint64_t{4096} * count)) {}

  // Whether one more fits; the first always does.
  bool Take(const Draft& draft) {
    const bool fits =
        first_ || (draft.key_bytes <= key_bytes_ && draft.value_bytes <= value_bytes_);
    first_ = false;
    key_bytes_ -= std::min(key_bytes_, draft.key_bytes);
    value_bytes_ -= std::min(value_bytes_, draft.value_bytes);
    return fits;
  }

 private:
  static constexpr std::uint64_t kKeyBytes = std::uint64_t{64} << 20;
  static constexpr std::uint64_t kValueBytes = std::uint64_t{1} << 30;

  bool first_ = true;
  std::uint64_t key_bytes_;
  std::uint64_t value_bytes_;
};

// Visits pairs with their hashes.
class PairVisitor : public ContentVisitor {
 public:
  void OnOuter(std::string_view outer) final { outer_ = outer; }
  void OnEntry(std::string_view inner) final {
    inner_ = inner;
    entry_ = hasher_.Begin('E').String(outer_).String(inner).hash();
    records_ = 0;
  }
  void OnRecord() final { ++records_; }
  void OnPair(std::string_view key, std::string_view value) final {
    const LookupKey pair = {.outer = outer_, .inner = inner_, .index = records_ - 1, .key = key};
    const Draft draft = {
        .hash = hasher_.Begin('P').Hash(entry_).Number(pair.index).String(key).hash(),
        .key_bytes = outer_.size() + inner_.size() + key.size(),
        .value_bytes = value.size()};
    OnDraft(draft, pair);
  }

 protected:
  virtual void OnDraft(const Draft& draft, const LookupKey& pair) = 0;

 private:
  ContentHasher hasher_;
  std::string outer_;  // copies: a view lives during its own call only
  std::string inner_;
  ContentHash entry_;
  std::size_t records_ = 0;
};

// Finds the largest of the `count` smallest hashes, or of so many as the budget has, with memory
// for twice as many.
class ThresholdFinder final : public PairVisitor {
 public:
  explicit ThresholdFinder(std::size_t count) : count_(count) {}

  ContentHash Find() {
    KeepSmallest();
    std::sort(smallest_.begin(), smallest_.end());
    Budget budget(count_);
    ContentHash threshold;
    for (const Draft& draft : smallest_) {
      if (!budget.Take(draft)) break;
      threshold = draft.hash;
    }
    return threshold;
  }

 private:
  void OnDraft(const Draft& draft, const LookupKey&) override {
    smallest_.push_back(draft);
    if (smallest_.size() >= 2 * count_) KeepSmallest();
  }
  void KeepSmallest() {
    if (smallest_.size() <= count_) return;
    const auto end = smallest_.begin() + static_cast<std::ptrdiff_t>(count_);
    std::nth_element(smallest_.begin(), end, smallest_.end());
    smallest_.erase(end, smallest_.end());
  }

  std::size_t count_;
  std::vector<Draft> smallest_;
};

struct DrawnPair {
  Draft draft;
  std::string outer;
  std::string inner;
  std::size_t index;
  std::string key;

  LookupKey view() const { return {.outer = outer, .inner = inner, .index = index, .key = key}; }
};

class PairDrawer final : public PairVisitor {
 public:
  explicit PairDrawer(const ContentHash& threshold) : threshold_(threshold) {}

  std::vector<DrawnPair> drawn;

 private:
  void OnDraft(const Draft& draft, const LookupKey& pair) override {
    if (draft.hash > threshold_) return;
    drawn.push_back({.draft = draft,
                     .outer = std::string(pair.outer),
                     .inner = std::string(pair.inner),
                     .index = pair.index,
                     .key = std::string(pair.key)});
  }

  ContentHash threshold_;
};

}  // namespace

Lookups::Lookups(std::span<const LookupKey> keys) : keys_(keys.begin(), keys.end()) {
  std::size_t size_bytes = 0;
  for (const LookupKey& key : keys) {
    size_bytes += key.outer.size() + key.inner.size() + key.key.size();
  }
  bytes_.reserve(size_bytes);  // so that views into it stay good while it fills
  const auto keep = [&](std::string_view* string) {
    const std::size_t begin = bytes_.size();
    bytes_.insert(bytes_.end(), string->begin(), string->end());
    *string = std::string_view(bytes_.data() + begin, string->size());
  };
  for (LookupKey& key : keys_) {
    keep(&key.outer);
    keep(&key.inner);
    keep(&key.key);
  }
}

Lookups Lookups::Draw(const Layout& layout, std::size_t count) {
  if (count == 0) return {};
  ThresholdFinder finder(count);
  layout.Visit(finder);
  PairDrawer drawer(finder.Find());
  layout.Visit(drawer);
  if (drawer.drawn.empty()) return {};

  std::vector<const DrawnPair*> order;
  order.reserve(drawer.drawn.size());
  for (const DrawnPair& pair : drawer.drawn) order.push_back(&pair);
  std::sort(order.begin(), order.end(),
            [](const DrawnPair* a, const DrawnPair* b) { return a->draft < b->draft; });
  std::vector<LookupKey> keys;
  Budget budget(count);
  std::mt19937_64 random(order.size());
  while (true) {
    for (const DrawnPair* pair : order) {
      if (keys.size() == count || !budget.Take(pair->draft)) return Lookups(keys);
      keys.push_back(pair->view());
    }
    std::shuffle(order.begin(), order.end(), random);
  }
}

Lookups Lookups::Missing(const Layout& layout) const {
  std::vector<std::string> changed;
  changed.reserve(keys_.size());
  std::vector<LookupKey> keys(keys_.begin(), keys_.end());
  for (LookupKey& key : keys) {
    std::string& other = changed.emplace_back(key.key);
    do {
      other.push_back('?');
      key.key = other;
    } while (layout.Lookup(key, [](std::string_view) {}));
  }
  return Lookups(keys);
}

}  // namespace strata
