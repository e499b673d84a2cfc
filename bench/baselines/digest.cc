#include "bench/baselines/digest.h"

#include "absl/strings/str_format.h"

namespace strata {

void Digest::OnOuter(std::string_view outer) {
  outer_ = hasher_.Begin('O').String(outer).hash();
  sum_ += outer_;
}

void Digest::OnEntry(std::string_view inner) {
  entry_ = hasher_.Begin('E').Hash(outer_).String(inner).hash();
  records_ = 0;
  sum_ += entry_;
}

void Digest::OnRecord() {
  record_ = hasher_.Begin('R').Hash(entry_).Number(records_++).hash();
  sum_ += record_;
}

void Digest::OnPair(std::string_view key, std::string_view value) {
  sum_ += hasher_.Begin('P').Hash(record_).String(key).String(value).hash();
}

std::string Digest::Hex() const { return absl::StrFormat("%016x%016x", sum_.high, sum_.low); }

std::string DigestOf(const Layout& layout) {
  Digest digest;
  layout.Visit(digest);
  return digest.Hex();
}

}  // namespace strata
