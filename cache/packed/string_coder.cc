#include "cache/packed/string_coder.h"

#include <optional>

namespace strata::packed {

bool StringCoder::Write(std::string_view text, StringPolicy::Class place, ByteArray* out) {
  // Memory for the longest form first: nothing below has to be taken back.
  if (!out->TryReserve(out->size() + kMaxVarintBytes + text.size())) return false;
  std::uint8_t* const to = out->end();
  const auto wrote = [&](const std::uint8_t* end) {
    out->SetSize(static_cast<std::size_t>(end - out->data()));
    return true;
  };
  if (const std::optional<std::uint64_t> number = AsNumber(text)) {
    return wrote(WriteNumberToken(*number, to));
  }
  if (text.size() <= StringPolicy::kAlwaysInlineBytes) return wrote(WriteInlineToken(text, to));

  const std::uint64_t hash = dictionary_.Hash(text);
  if (const std::optional<StringId> known = dictionary_.Find(text, hash)) {
    policy_.MetKnown(place);
    dictionary_.AddReference(*known);
    return wrote(WriteDictionaryToken(*known, to));
  }
  if (policy_.MetUnknown(place, text, log_->filled_bytes())) {
    const std::optional<StringId> made = dictionary_.TryAdd(text, hash);
    if (!made.has_value()) return false;
    return wrote(WriteDictionaryToken(*made, to));
  }
  return wrote(WriteInlineToken(text, to));
}

bool StringCoder::Rewrite(const Token& token, ByteArray* out) {
  char scratch[kNumberScratchBytes];
  ReadPin pin = WriterPin();
  const std::string_view text = Text(token, scratch, pin);
  if (!out->TryReserve(out->size() + kMaxVarintBytes + text.size())) return false;
  std::uint8_t* const to = out->end();
  std::uint8_t* end = to;
  switch (token.kind) {
    case Token::Kind::kNumber:
      end = WriteNumberToken(token.number, to);
      break;
    case Token::Kind::kDictionary: {
      const StringId id = static_cast<StringId>(token.number);
      if (dictionary_.references(id) == 1) {
        end = WriteInlineToken(text, to);
      } else {
        dictionary_.AddReference(id);
        end = WriteDictionaryToken(id, to);
      }
      break;
    }
    case Token::Kind::kInline: {
      std::optional<StringId> known;
      if (text.size() > StringPolicy::kAlwaysInlineBytes) {
        known = dictionary_.Find(text, dictionary_.Hash(text));
        // One that nobody else names would go back inline the next time.
        if (known.has_value() && dictionary_.references(*known) == 0) known.reset();
      }
      if (known.has_value()) {
        dictionary_.AddReference(*known);
        end = WriteDictionaryToken(*known, to);
      } else {
        end = WriteInlineToken(text, to);
      }
      break;
    }
  }
  out->SetSize(static_cast<std::size_t>(end - out->data()));
  return true;
}

}  // namespace strata::packed
