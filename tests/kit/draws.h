// Where a generator's choices come from: a seed, a fuzzer's bytes, or a seed whose choices are
// written down as such bytes. One generator thereby serves random tests, fuzzing and its corpus.
//
// Threads: each used by one thread at a time.
#ifndef STRATA_TESTS_KIT_DRAWS_H_
#define STRATA_TESTS_KIT_DRAWS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace strata::kit {

/// The next number of the splitmix64 sequence; the same on every machine and compiler, which
/// std's distributions are not.
std::uint64_t SplitMix64(std::uint64_t* state);

class Draws {
 public:
  virtual ~Draws() = default;
  /// A number below `bound`, which lies in 1 … 2^32.
  virtual std::uint64_t Below(std::uint64_t bound) = 0;
  /// Whether choices have run out; Below then answers 0.
  virtual bool exhausted() const { return false; }
};

/// Pseudo-random numbers without end.
class RandomDraws : public Draws {
 public:
  explicit RandomDraws(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Below(std::uint64_t bound) override { return SplitMix64(&state_) % bound; }

 private:
  std::uint64_t state_;
};

/// Takes each choice from as few bytes as its bound needs (none for 1, one up to 256, …), little
/// end first, modulo the bound.
class ByteDraws : public Draws {
 public:
  /// Views `bytes`, which must outlive it.
  explicit ByteDraws(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  std::uint64_t Below(std::uint64_t bound) override;
  bool exhausted() const override { return position_ >= bytes_.size(); }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t position_ = 0;
};

/// As RandomDraws, and bytes() makes a ByteDraws give the same choices.
class RecordingDraws : public Draws {
 public:
  explicit RecordingDraws(std::uint64_t seed) : random_(seed) {}
  std::uint64_t Below(std::uint64_t bound) override;
  const std::string& bytes() const { return bytes_; }

 private:
  RandomDraws random_;
  std::string bytes_;
};

}  // namespace strata::kit

#endif  // STRATA_TESTS_KIT_DRAWS_H_
