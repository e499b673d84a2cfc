#include "loader/outer_set.h"

#include <sys/random.h>

#include <bit>
#include <chrono>
#include <cstring>
#include <utility>

namespace strata {
namespace {

static_assert(std::endian::native == std::endian::little, "SipHash reads little-endian words");

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void Absorb(std::uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
  std::uint64_t Finish() {
    for (int i = 0; i < 4; ++i) Round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

Hash128 SipHash128(const Hash128& key, std::string_view text) {
  SipState state{key.low ^ 0x736f6d6570736575U, key.high ^ 0x646f72616e646f6dU ^ 0xee,
                 key.low ^ 0x6c7967656e657261U, key.high ^ 0x7465646279746573U};
  std::uint64_t last = static_cast<std::uint64_t>(text.size()) << 56;
  while (text.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data(), 8);
    state.Absorb(word);
    text.remove_prefix(8);
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    last |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << (8 * i);
  }
  state.Absorb(last);
  state.v2 ^= 0xee;
  Hash128 hash;
  hash.low = state.Finish();
  state.v1 ^= 0xdd;
  hash.high = state.Finish();
  return hash;
}

Hash128 RandomKey() {
  Hash128 key;
  if (getrandom(&key, sizeof key, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof key)) {
    // Early in boot or under a filter: address and clock still differ from run to run.
    key.low = reinterpret_cast<std::uintptr_t>(&key);
    key.high =
        static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  }
  return key;
}

Hash128 OuterSet::HashOf(std::string_view outer) const {
  Hash128 hash = SipHash128(key_, outer);
  if (hash == Hash128{}) hash.low = 1;
  return hash;
}

bool OuterSet::Contains(std::string_view outer) const {
  if (slot_count_ == 0) return false;
  const Hash128 hash = HashOf(outer);
  std::size_t slot = hash.low & (slot_count_ - 1);
  while (!(slots_[slot] == Hash128{}) && !(slots_[slot] == hash)) {
    slot = (slot + 1) & (slot_count_ - 1);
  }
  return slots_[slot] == hash;
}

bool OuterSet::Insert(std::string_view outer) {
  if ((size_ + 1) * 4 > slot_count_ * 3) Grow();
  const Hash128 hash = HashOf(outer);
  for (std::size_t slot = hash.low & (slot_count_ - 1);; slot = (slot + 1) & (slot_count_ - 1)) {
    if (slots_[slot] == hash) return false;
    if (slots_[slot] == Hash128{}) {
      slots_[slot] = hash;
      ++size_;
      return true;
    }
  }
}

void OuterSet::Clear() {
  slots_.reset();
  slot_count_ = 0;
  size_ = 0;
}

void OuterSet::Grow() {
  const std::size_t grown_count = slot_count_ == 0 ? 16 : slot_count_ * 2;
  auto grown = std::make_unique<Hash128[]>(grown_count);
  for (std::size_t i = 0; i < slot_count_; ++i) {
    if (slots_[i] == Hash128{}) continue;
    std::size_t slot = slots_[i].low & (grown_count - 1);
    while (!(grown[slot] == Hash128{})) slot = (slot + 1) & (grown_count - 1);
    grown[slot] = slots_[i];
  }
  slots_ = std::move(grown);
  slot_count_ = grown_count;
}

}  // namespace strata
