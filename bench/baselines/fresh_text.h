// Text made up from a number: the same for the same number, another for another, of any length.
// What overwriting is measured with.
//
// The characters are letters, digits, '-' and '_', six bits of a splitmix64 stream each; so texts
// of ten characters or more do not repeat by chance, and those of one or two cannot help it.
//
// Threads: pure functions.
#ifndef STRATA_BENCH_BASELINES_FRESH_TEXT_H_
#define STRATA_BENCH_BASELINES_FRESH_TEXT_H_

#include <cstdint>
#include <initializer_list>
#include <span>

namespace strata {

/// splitmix64's finalizer: every bit of the result depends on every bit of `number`.
constexpr std::uint64_t MixBits(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9u;
  number = (number ^ (number >> 27)) * 0x94D049BB133111EBu;
  return number ^ (number >> 31);
}

/// One number of several: other numbers, or another order, give another.
constexpr std::uint64_t SeedOf(std::initializer_list<std::uint64_t> numbers) {
  std::uint64_t seed = 0;
  for (const std::uint64_t number : numbers) {
    seed = MixBits(seed + 0x9E3779B97F4A7C15u) ^ MixBits(number + 0xD1B54A32D192ED03u);
  }
  return seed;
}

/// Fills `text`.
inline void WriteFreshText(std::uint64_t seed, std::span<char> text) {
  constexpr char kCharacters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  constexpr int kCharactersADraw = 10;
  std::uint64_t bits = 0;
  int left = 0;
  for (char& character : text) {
    if (left == 0) {
      seed += 0x9E3779B97F4A7C15u;
      bits = MixBits(seed);
      left = kCharactersADraw;
    }
    character = kCharacters[bits & 63u];
    bits >>= 6;
    --left;
  }
}

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_FRESH_TEXT_H_
