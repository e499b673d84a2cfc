#include "cli/gen.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace strata {
namespace {

constexpr std::string_view kConsonants = "bcdfghklmnprstvz";
constexpr std::string_view kVowels = "aeio";
constexpr std::string_view kEnds = "lnrst";
constexpr std::array<std::string_view, 6> kStates = {"active",  "closed", "draft",
                                                     "pending", "review", "suspended"};
constexpr std::array<std::string_view, 9> kRelations = {"contains", "extends",  "follows",
                                                        "includes", "mentions", "parent",
                                                        "replaces", "requires", "suggests"};
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  // Uniform in [0, n), n up to 2^32.
  std::uint64_t Below(std::uint64_t n) { return ((Next() >> 32) * n) >> 32; }

  // A rank in [0, n), rank 0 the most frequent, density falling as rank to the power -3/4.
  std::uint64_t Skewed(std::uint64_t n) {
    const double x = static_cast<double>(Next() >> 11) * 0x1p-53;
    const double rank = x * x * x * x * static_cast<double>(n);
    return std::min(n - 1, static_cast<std::uint64_t>(rank));
  }

 private:
  std::uint64_t state_;
};

// A pseudo-word: 1 to 4 syllables of two letters and perhaps a final consonant.
struct Word {
  std::uint8_t size = 0;
  std::array<char, 15> bytes;

  std::string_view view() const { return {bytes.data(), size}; }
};
static_assert(sizeof(Word) == 16, "four words a cache line");

Word MakeWord(std::uint64_t index) {
  Word word;
  const auto add = [&word](char letter) { word.bytes[word.size++] = letter; };
  Random random(index * 0x2545F4914F6CDD1Du + 7);
  const std::uint64_t syllables = index < 200 ? 1 + random.Below(2) : 2 + random.Below(3);
  for (std::uint64_t i = 0; i < syllables; ++i) {
    add(kConsonants[random.Below(16)]);
    add(kVowels[random.Below(4)]);
  }
  if (random.Below(3) == 0) add(kEnds[random.Below(5)]);
  return word;
}

// The words by number; those that recur are kept.
class Words {
 public:
  // Valid until the next call.
  std::string_view operator[](std::uint64_t index) {
    Word& word = index < kept_.size() ? kept_[index] : rare_;
    if (word.size == 0 || &word == &rare_) word = MakeWord(index);
    return word.view();
  }

 private:
  std::vector<Word> kept_ = std::vector<Word>(std::size_t{1} << 16);
  Word rare_;
};

void AppendNumber(std::string* out, std::uint64_t number, std::size_t min_digits = 1) {
  std::array<char, 20> digits;
  const std::to_chars_result end =
      std::to_chars(digits.data(), digits.data() + digits.size(), number);
  const std::size_t size = static_cast<std::size_t>(end.ptr - digits.data());
  if (size < min_digits) out->append(min_digits - size, '0');
  out->append(digits.data(), size);
}

// One record being built. A key that is given again keeps its place and takes the new value.
class RecordText {
 public:
  void Clear() { size_ = 0; }

  // The value to fill for `key`, empty.
  std::string* Value(std::string_view key) {
    for (std::size_t i = 0; i < size_; ++i) {
      if (pairs_[i].first == key) {
        pairs_[i].second.clear();
        return &pairs_[i].second;
      }
    }
    if (size_ == pairs_.size()) pairs_.emplace_back();
    auto& [own_key, value] = pairs_[size_++];
    own_key.assign(key);
    value.clear();
    return &value;
  }

  // None of the texts made here holds a character that JSON escapes.
  void AppendJson(std::string* out) const {
    out->push_back('{');
    for (std::size_t i = 0; i < size_; ++i) {
      out->append(i == 0 ? "\"" : ",\"").append(pairs_[i].first).append("\":\"");
      out->append(pairs_[i].second).push_back('"');
    }
    out->push_back('}');
  }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
  std::size_t size_ = 0;
};

// The document so far, handed to the sink block by block.
class Document {
 public:
  explicit Document(GenSink sink) : sink_(sink) { out_.reserve(kBlockBytes + (1u << 16)); }

  void BeginEntry(std::string_view outer, std::string_view inner) {
    if (outer != outer_ || first_) {
      out_.append(first_ ? "{\"" : "},\"").append(outer).append("\":{\"");
      outer_.assign(outer);
      first_ = false;
    } else {
      out_.append(",\"");
    }
    out_.append(inner).append("\":[");
    first_record_ = true;
  }

  void AddRecord(const RecordText& record) {
    if (!first_record_) out_.push_back(',');
    first_record_ = false;
    record.AppendJson(&out_);
  }

  absl::Status EndEntry() {
    out_.push_back(']');
    return out_.size() < kBlockBytes ? absl::OkStatus() : Flush();
  }

  absl::Status End() {
    out_.append(first_ ? "{}\n" : "}}\n");
    return Flush();
  }

 private:
  absl::Status Flush() {
    absl::Status status = sink_(out_);
    out_.clear();
    return status;
  }

  GenSink sink_;
  std::string out_;
  std::string outer_;
  bool first_ = true;
  bool first_record_ = true;
};

// What all shapes draw from.
class Generator {
 public:
  Generator(std::uint64_t records, std::uint64_t seed, GenSink sink)
      : records_(records), seed_(seed), random_(seed), document_(sink) {}

  absl::Status Forum() {
    const std::uint64_t vocabulary = std::max<std::uint64_t>(1, records_ / 4);
    return ListsOfTen([&] {
      const std::uint64_t pairs = 2 + random_.Below(2);
      for (std::uint64_t i = 0; i < pairs; ++i) {
        key_.clear();
        AppendNumber(&key_, random_.Below(50000));
        Random own(seed_ * 1000003 + random_.Skewed(vocabulary));
        Text(&own, 4, 32, record_.Value(key_));
      }
    });
  }

  absl::Status Unique() {
    return ListsOfTen([&] {
      key_.clear();
      AppendNumber(&key_, random_.Below(50000));
      Text(&random_, 30, 40, record_.Value(key_));
    });
  }

  absl::Status Rows() {
    for (std::uint64_t row = 0; row < records_; ++row) {
      FillRow(row);
      outer_.assign("region");
      AppendNumber(&outer_, row / 3000, 4);
      inner_.assign("user");
      AppendNumber(&inner_, row % 100000000 * 2654435761u % 100000000, 8);
      document_.BeginEntry(outer_, inner_);
      document_.AddRecord(record_);
      if (absl::Status status = document_.EndEntry(); !status.ok()) return status;
    }
    return document_.End();
  }

  absl::Status Sparse() {
    const std::uint64_t vocabulary = std::max<std::uint64_t>(3, records_ / 10);
    std::uint64_t made = 0;
    for (std::uint64_t outer = 0; made < records_; ++outer) {
      outer_.clear();
      if (outer < vocabulary / 3) {
        AppendName(outer, &outer_);
      } else {
        outer_.append("app-").append(words_[outer]).push_back('-');
        AppendNumber(&outer_, outer);
      }
      const std::uint64_t first = random_.Below(9);
      const std::uint64_t relations = 1 + random_.Skewed(3);
      for (std::uint64_t relation = 0; relation < relations; ++relation) {
        const std::uint64_t count = std::min(records_ - made, 1 + random_.Skewed(9));
        made += count;
        if (count == 0) continue;
        document_.BeginEntry(outer_, kRelations[(first + relation * 2) % 9]);
        for (std::uint64_t i = 0; i < count; ++i) {
          FillSparseRecord(vocabulary);
          document_.AddRecord(record_);
        }
        if (absl::Status status = document_.EndEntry(); !status.ok()) return status;
      }
    }
    return document_.End();
  }

 private:
  // 10 records an entry, 1,000 entries an outer; `fill` draws one record.
  template <class Fill>
  absl::Status ListsOfTen(const Fill& fill) {
    for (std::uint64_t done = 0; done < records_; done += 10) {
      const std::uint64_t entry = done / 10;
      outer_.assign("field");
      AppendNumber(&outer_, entry / 1000, 5);
      inner_.assign("item");
      AppendNumber(&inner_, entry % 1000 * 7919 % 1000000, 6);
      document_.BeginEntry(outer_, inner_);
      for (std::uint64_t i = 0; i < std::min<std::uint64_t>(10, records_ - done); ++i) {
        record_.Clear();
        fill();
        document_.AddRecord(record_);
      }
      if (absl::Status status = document_.EndEntry(); !status.ok()) return status;
    }
    return document_.End();
  }

  // Words in running text, cut to a length drawn from [low, high].
  void Text(Random* random, std::size_t low, std::size_t high, std::string* out) {
    const std::size_t length = low + random->Below(high - low + 1);
    while (out->size() < length) {
      if (!out->empty()) out->push_back(' ');
      out->append(words_[random->Skewed(20000)]);
    }
    out->resize(length);
    while (out->back() == ' ') out->pop_back();
    if (out->size() < low) out->append(low - out->size(), 'e');
  }

  void FillRow(std::uint64_t row) {
    record_.Clear();
    std::string name(words_[1000 + random_.Below(20000)]);
    name.append(" ").append(words_[random_.Skewed(4000)]);
    record_.Value("status")->append(kStates[random_.Skewed(6)]);
    std::string* const date = record_.Value("created_at");
    date->append("20");
    AppendNumber(date, 15 + random_.Below(10), 2);
    date->push_back('-');
    AppendNumber(date, 1 + random_.Below(12), 2);
    date->push_back('-');
    AppendNumber(date, 1 + random_.Below(28), 2);
    AppendNumber(record_.Value("visits"), random_.Skewed(100000));
    std::string* const email = record_.Value("email");
    email->append(words_[random_.Below(20000)]).push_back('.');
    AppendNumber(email, row);
    email->append("@").append(words_[random_.Skewed(300)]).append(".example");
    record_.Value("name")->append(name);
    std::string* const amount = record_.Value("amount");
    AppendNumber(amount, random_.Skewed(20000));
    amount->push_back('.');
    AppendNumber(amount, random_.Below(100), 2);
    record_.Value("active")->append(random_.Below(4) != 0 ? "true" : "false");
    std::string* const city = record_.Value("city");
    city->append(words_[50000 + random_.Skewed(5000)]);
    city->front() = static_cast<char>(city->front() - 'a' + 'A');
  }

  void AppendName(std::uint64_t index, std::string* out) {
    out->append("lib").append(words_[index]);
    if (index % 3 != 0) out->append("-").append(words_[index * 31 + 5]);
    AppendNumber(out, index);
  }

  // Half the values are empty, most others settled by their key.
  void FillSparseRecord(std::uint64_t vocabulary) {
    record_.Clear();
    const int pairs = random_.Below(20) == 0 ? 2 : 1;
    for (int i = 0; i < pairs; ++i) {
      const std::uint64_t target = random_.Skewed(vocabulary);
      key_.clear();
      AppendName(target, &key_);
      std::string* const value = record_.Value(key_);
      if (target % 2 != 0) continue;
      const bool settled = random_.Below(10) != 0;
      value->append(settled ? ">= " : "= ");
      AppendNumber(value, settled ? target % 7 : random_.Below(9));
      value->push_back('.');
      AppendNumber(value, settled ? target % 23 : random_.Below(90));
      if (!settled) continue;
      value->push_back('.');
      AppendNumber(value, target % 41);
    }
  }

  const std::uint64_t records_;
  const std::uint64_t seed_;
  Random random_;
  Words words_;
  Document document_;
  RecordText record_;
  std::string outer_, inner_, key_;
};

constexpr std::array<std::string_view, 4> kShapes = {"forum", "unique", "rows", "sparse"};

}  // namespace

std::span<const std::string_view> GenShapes() { return kShapes; }

absl::Status Generate(std::string_view shape, std::uint64_t records, std::uint64_t seed,
                      GenSink sink) {
  if (records > kGenMaxRecords) {
    return absl::InvalidArgumentError(
        absl::StrCat("gen: ", records, " records are too many: give at most ", kGenMaxRecords));
  }
  Generator generator(records, seed, sink);
  if (shape == "forum") return generator.Forum();
  if (shape == "unique") return generator.Unique();
  if (shape == "rows") return generator.Rows();
  if (shape == "sparse") return generator.Sparse();
  return absl::InvalidArgumentError(absl::StrCat("gen: there is no shape '",
                                                 absl::string_view(shape.data(), shape.size()),
                                                 "': give forum, unique, rows or sparse"));
}

}  // namespace strata
