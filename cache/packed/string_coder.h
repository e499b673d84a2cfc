// Strings to tokens and back: the dictionary, what is learned about strings, and the tokens that
// name them, brought together. A token written by Write holds its reference to the dictionary until
// Release.
//
// Threads: one writer; Equals and Text beside it from any thread (eras.h).
#ifndef STRATA_CACHE_PACKED_STRING_CODER_H_
#define STRATA_CACHE_PACKED_STRING_CODER_H_

#include <cstdint>
#include <span>
#include <string_view>

#include <strata/memory_door.h>
#include <strata/record.h>

#include "cache/packed/dictionary.h"
#include "cache/packed/layers.h"
#include "cache/packed/segment_store.h"
#include "cache/packed/string_policy.h"
#include "cache/packed/token.h"
#include "cache/packed/try_array.h"

namespace strata::packed {

using ByteArray = TryArray<std::uint8_t, kScratch>;

class StringCoder {
 public:
  StringCoder(MemoryDoor* door, SegmentStore* log, std::uint64_t seed,
              std::uint64_t most_bytes = MemoryDoor::kNoLimit)
      : log_(log), dictionary_(door, log, seed, most_bytes), policy_(door) {}
  bool ok() const { return dictionary_.ok(); }

  /// From this length on a text may be left out.
  static constexpr std::size_t kLeaveOutBytes = std::size_t{4} << 10;

  /// Appends the text's token to `out`. False, and nothing changed, when there is no memory. With
  /// `left_out`, a text of kLeaveOutBytes or more that is to stand inline is left out: the number
  /// token kStandIn stands for it, and `*left_out`, empty before, is the text, where it was.
  [[nodiscard]] bool Write(std::string_view text, StringPolicy::Class place, ByteArray* out,
                           std::string_view* left_out = nullptr);
  /// Appends a token with the text of one that lies in a blob, in the form that is best now: what
  /// was inline may be in the dictionary by now, and what is there for this token alone goes back.
  /// `left_out` is Write's; where the text was is a blob.
  [[nodiscard]] bool Rewrite(const Token& token, ByteArray* out,
                             std::string_view* left_out = nullptr);
  /// Gives up the token's reference.
  void Release(const Token& token) {
    if (token.kind == Token::Kind::kDictionary) {
      dictionary_.Release(static_cast<StringId>(token.number));
    }
  }

  /// Gives up those of all tokens that lie there one behind the other.
  void ReleaseAll(const std::uint8_t* tokens, const std::uint8_t* end) {
    while (tokens < end) {
      Token token;
      tokens = ReadToken(tokens, &token);
      Release(token);
    }
  }

  /// Whether the token's text is this one; any answer where the pin's era moves on.
  bool Equals(const Token& token, const WantedText& wanted, ReadPin& pin) const {
    if (token.kind != Token::Kind::kDictionary) return IsText(token, wanted);
    return !wanted.number.has_value() &&
           dictionary_.Text(static_cast<StringId>(token.number), pin) == wanted.text;
  }
  /// The text; of a number, in `scratch` (kNumberScratchBytes). Empty where the pin's era moves on.
  std::string_view Text(const Token& token, char* scratch, ReadPin& pin) const {
    switch (token.kind) {
      case Token::Kind::kInline:
        return token.inline_text();
      case Token::Kind::kDictionary:
        return dictionary_.Text(static_cast<StringId>(token.number), pin);
      case Token::Kind::kNumber:
        break;
    }
    return NumberText(token.number, scratch);
  }
  /// Fetches what Text will look at: first the dictionary's entry, then the bytes.
  void PrefetchEntry(const Token& token) const {
    if (token.kind == Token::Kind::kDictionary) {
      dictionary_.PrefetchEntry(static_cast<StringId>(token.number));
    }
  }
  void PrefetchText(const Token& token, ReadPin& pin) const {
    if (token.kind == Token::Kind::kDictionary) {
      dictionary_.PrefetchText(static_cast<StringId>(token.number), pin);
    }
  }
  /// Fetches what writing these records will look at.
  void Prefetch(const RecordsView& records);
  /// The hash of a text, as the indexes of outers and inners use it.
  std::uint64_t Hash(std::string_view text) const { return dictionary_.Hash(text); }

  Dictionary& dictionary() { return dictionary_; }
  const Dictionary& dictionary() const { return dictionary_; }
  const StringPolicy& policy() const { return policy_; }
  /// Between writes: gives back what a smaller store needs no more; whether there is more of it to
  /// do.
  bool Trim(std::size_t budget_bytes) {
    policy_.Trim(log_->filled_bytes());
    return dictionary_.Tidy(budget_bytes);
  }
  void Clear() {
    dictionary_.Clear();
    policy_.Clear();
  }

 private:
  static bool MayLeaveOut(std::string_view text, const std::string_view* left_out) {
    return left_out != nullptr && text.size() >= kLeaveOutBytes;
  }

  static constexpr std::size_t kTogether = 64;

  void Prefetch(std::span<const std::uint64_t> hashes);

  SegmentStore* log_;
  Dictionary dictionary_;
  StringPolicy policy_;
};

}  // namespace strata::packed

#endif  // STRATA_CACHE_PACKED_STRING_CODER_H_
