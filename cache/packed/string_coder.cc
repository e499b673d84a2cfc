#include "cache/packed/string_coder.h"

#include <array>
#include <optional>

namespace strata::packed {

bool StringCoder::Write(std::string_view text, StringPolicy::Class place, ByteArray* out,
                        std::string_view* left_out) {
  const bool may_leave_out = MayLeaveOut(text, left_out);
  // Memory for the longest form first: nothing below has to be taken back.
  const std::size_t inline_bytes = may_leave_out ? 0 : text.size();
  if (!out->TryReserve(out->size() + kMaxVarintBytes + inline_bytes)) return false;
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
    return wrote(WriteDictionaryToken(dictionary_.AddReferenceBelowLimit(*known), to));
  }
  if (policy_.MetUnknown(place, text, log_->filled_bytes())) {
    const std::optional<StringId> made = dictionary_.TryAdd(text, hash);
    if (!made.has_value()) return false;
    return wrote(WriteDictionaryToken(*made, to));
  }
  if (may_leave_out) {
    *left_out = text;
    return wrote(WriteNumberToken(kStandIn, to));
  }
  return wrote(WriteInlineToken(text, to));
}

void StringCoder::Prefetch(const RecordsView& records) {
  std::array<std::uint64_t, kTogether> hashes;
  std::size_t count = 0;
  const auto add = [&](std::string_view text) {
    if (text.size() <= StringPolicy::kAlwaysInlineBytes || AsNumber(text).has_value()) return;
    hashes[count++] = dictionary_.Hash(text);
    if (count < kTogether) return;
    Prefetch(hashes);
    count = 0;
  };
  for (std::size_t i = 0; i < records.size(); ++i) {
    for (const Pair& pair : records[i]) add(pair.value);
  }
  Prefetch(std::span(hashes).first(count));
}

void StringCoder::Prefetch(std::span<const std::uint64_t> hashes) {
  ReadPin pin = WriterPin();
  std::array<StringId, kTogether> ids;
  std::size_t found = 0;
  for (const std::uint64_t hash : hashes) dictionary_.PrefetchShard(hash, pin);
  for (const std::uint64_t hash : hashes) dictionary_.PrefetchSlot(hash, pin);
  for (const std::uint64_t hash : hashes) {
    const std::optional<StringId> id = dictionary_.Guess(hash, pin);
    if (!id.has_value()) continue;
    ids[found++] = *id;
    dictionary_.PrefetchEntry(*id);
  }
  for (std::size_t i = 0; i < found; ++i) dictionary_.PrefetchText(ids[i], pin);
}

bool StringCoder::Rewrite(const Token& token, ByteArray* out, std::string_view* left_out) {
  std::string_view text;
  if (token.kind == Token::Kind::kInline) text = token.inline_text();
  std::optional<StringId> known;
  ReadPin pin = WriterPin();
  if (token.kind == Token::Kind::kDictionary) {
    const StringId id = static_cast<StringId>(token.number);
    if (dictionary_.references(id) > 1 || dictionary_.HasBelowLimit(id)) {
      known = id;
    } else {
      text = dictionary_.Text(id, pin);
    }
  } else if (token.kind == Token::Kind::kInline && text.size() > StringPolicy::kAlwaysInlineBytes) {
    known = dictionary_.Find(text, dictionary_.Hash(text));
    // One that nobody else names would go back inline the next time.
    if (known.has_value() && dictionary_.references(*known) == 0) known.reset();
  }
  const bool is_text = !known.has_value() && token.kind != Token::Kind::kNumber;
  const bool leaves_out = is_text && MayLeaveOut(text, left_out);
  const std::size_t inline_bytes = is_text && !leaves_out ? text.size() : 0;
  if (!out->TryReserve(out->size() + kMaxVarintBytes + inline_bytes)) return false;
  std::uint8_t* end = out->end();
  if (known.has_value()) {
    end = WriteDictionaryToken(dictionary_.AddReferenceBelowLimit(*known), end);
  } else if (leaves_out) {
    *left_out = text;
    end = WriteNumberToken(kStandIn, end);
  } else if (is_text) {
    end = WriteInlineToken(text, end);
  } else {
    end = WriteNumberToken(token.number, end);
  }
  out->SetSize(static_cast<std::size_t>(end - out->data()));
  return true;
}

}  // namespace strata::packed
