#include "cli/secrets.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"

namespace strata::cli {
namespace {

constexpr std::string_view kMask = "***";

// Masks the password of a URL, or of what could be meant as one.
void MaskAuthority(std::string* word) {
  // A password may itself hold @, : and /: it ends at the last @ and begins at the first colon.
  const std::size_t at = word->rfind('@');
  if (at == std::string::npos) return;
  const std::size_t scheme = word->find("://");
  std::size_t colon = word->find(':');
  if (colon != std::string::npos && colon == scheme) colon = word->find(':', scheme + 3);
  if (colon >= at) return;
  word->replace(colon + 1, at - colon - 1, kMask);
}

void MaskParameters(std::string* word) {
  const std::string lower = absl::AsciiStrToLower(*word);
  std::size_t shift = 0;  // how much shorter *word has become than `lower`
  for (std::size_t at = 0; at < lower.size();) {
    std::size_t value = std::string::npos;
    for (const std::string_view name : {"password=", "passwd=", "pwd="}) {
      const std::size_t found = lower.find(name, at);
      if (found != std::string::npos) value = std::min(value, found + name.size());
    }
    if (value == std::string::npos) return;
    const std::size_t end = std::min(lower.find('&', value), lower.size());
    word->replace(value - shift, end - value, kMask);
    shift += (end - value) - kMask.size();
    at = end;
  }
}

std::string MaskWord(std::string_view word) {
  std::string masked(word);
  MaskParameters(&masked);
  MaskAuthority(&masked);
  return masked;
}

}  // namespace

std::string MaskSecrets(std::string_view message, std::span<const std::string_view> words) {
  std::string text(message);
  for (const std::string_view word : words) {
    const std::string masked = MaskWord(word);
    if (masked == word) continue;
    text = absl::StrReplaceAll(text, {{absl::string_view(word.data(), word.size()), masked}});
  }
  std::string result;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = std::min(text.find_first_of(" \t\n", begin), text.size());
    result += MaskWord(std::string_view(text).substr(begin, end - begin));
    if (end < text.size()) result += text[end++];
    begin = end;
  }
  return result;
}

}  // namespace strata::cli
