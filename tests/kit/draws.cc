#include "tests/kit/draws.h"

namespace strata::kit {
namespace {

int BytesFor(std::uint64_t bound) {
  int bytes = 0;
  for (std::uint64_t largest = bound - 1; largest != 0; largest >>= 8) ++bytes;
  return bytes;
}

}  // namespace

std::uint64_t SplitMix64(std::uint64_t* state) {
  std::uint64_t z = (*state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint64_t ByteDraws::Below(std::uint64_t bound) {
  std::uint64_t drawn = 0;
  for (int i = 0; i < BytesFor(bound) && position_ < bytes_.size(); ++i) {
    drawn |= static_cast<std::uint64_t>(bytes_[position_++]) << (8 * i);
  }
  return drawn % bound;
}

std::uint64_t RecordingDraws::Below(std::uint64_t bound) {
  const std::uint64_t drawn = random_.Below(bound);
  for (int i = 0; i < BytesFor(bound); ++i) {
    bytes_.push_back(static_cast<char>(static_cast<std::uint8_t>(drawn >> (8 * i))));
  }
  return drawn;
}

}  // namespace strata::kit
