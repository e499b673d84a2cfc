#include "cache/packed/eras.h"

#include <time.h>

#include <algorithm>
#include <limits>
#include <new>

namespace strata::packed {
namespace {

// To a few milliseconds; a fifth of the time a fine clock takes.
std::int64_t CoarseNow() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

// Where a thread looks for a slot first: threads side by side take different ones.
std::size_t FirstSlot() {
  static std::atomic<std::size_t> threads{0};
  thread_local const std::size_t mine = threads.fetch_add(1, std::memory_order_relaxed);
  return mine % Eras::kSlots;
}

constinit const std::atomic<Era> kStill{0};

}  // namespace

ReadPin WriterPin() {
  ReadPin pin;
  pin.era = &kStill;
  return pin;
}

Eras::Eras(MemoryDoor* door) : door_(door) {
  // Aligned by hand: the door aligns for scalars only.
  void* const block = door_->TryAllocate(kReaders, (kSlots + 1) * sizeof(ReaderSlot));
  if (block == nullptr) return;
  block_ = block;
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(block);
  const std::size_t skip =
      (alignof(ReaderSlot) - address % alignof(ReaderSlot)) % alignof(ReaderSlot);
  slots_ = reinterpret_cast<ReaderSlot*>(static_cast<std::uint8_t*>(block) + skip);
  for (std::size_t i = 0; i < kSlots; ++i) new (&slots_[i]) ReaderSlot{};
}

Eras::~Eras() { door_->Free(kReaders, block_); }

ReaderSlot* Eras::ClaimSlot(ReadPin* pin) const {
  const std::size_t first = FirstSlot();
  for (std::size_t i = 0; i < kSlots; ++i) {
    const std::size_t at = (first + i) % kSlots;
    ReaderSlot& slot = slots_[at];
    if (slot.lower.load(std::memory_order_relaxed) != 0) continue;
    // The writer looks no further than slots_used_, so that comes before the claim.
    std::size_t used = slots_used_.load();
    while (used <= at && !slots_used_.compare_exchange_weak(used, at + 1)) {
    }
    Era era = era_.load();
    Era nobody = 0;
    if (!slot.lower.compare_exchange_strong(nobody, era)) continue;
    // What was retired in the era shown is kept only if it still was the era once it showed.
    for (Era now = era_.load(); now != era; now = era_.load()) {
      era = now;
      slot.lower.exchange(era);
    }
    pin->lower = pin->upper = era;
    slot.since_ns.store(CoarseNow(), std::memory_order_relaxed);
    return &slot;
  }
  return nullptr;
}

void Eras::JoinCrowd(ReadPin* pin) const {
  while (true) {
    const std::size_t which = crowd_.load();
    Crowd& crowd = crowds_[which];
    std::uint64_t word = crowd.word.load();
    const bool first = (word & kCrowdMask) == 0;
    const std::uint64_t joined = first ? era_.load() << kCrowdBits | 1 : word + 1;
    if (!crowd.word.compare_exchange_strong(word, joined)) continue;
    if (first) crowd.since_ns.store(CoarseNow(), std::memory_order_relaxed);
    pin->crowd = static_cast<std::uint8_t>(which);
    // The crowd has no upper: all that was retired since its era is kept.
    pin->lower = pin->upper = era_.load();
    return;
  }
}

void Eras::Enter(ReadPin* pin) const {
  pin->era = &era_;
  pin->slot = ClaimSlot(pin);
  if (pin->slot == nullptr) JoinCrowd(pin);
}

void Eras::Leave(ReadPin* pin) const {
  if (pin->slot == nullptr) {
    crowd_gets_.fetch_add(pin->gets, std::memory_order_relaxed);
    crowd_hits_.fetch_add(pin->hits, std::memory_order_relaxed);
    crowds_[pin->crowd].word.fetch_sub(1);
    return;
  }
  // The slot is this thread's until its lower is 0.
  const auto add = [](std::atomic<std::uint64_t>& sum, std::uint64_t by) {
    sum.store(sum.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  };
  add(pin->slot->gets, pin->gets);
  add(pin->slot->hits, pin->hits);
  pin->slot->since_ns.store(0, std::memory_order_relaxed);
  pin->slot->lower.store(0, std::memory_order_release);
}

Eras::Guards Eras::Look() const {
  Guards guards;
  const std::size_t used = slots_used_.load();
  for (std::size_t i = 0; i < used; ++i) {
    const Era lower = slots_[i].lower.load();
    if (lower == 0) continue;
    guards.intervals_[guards.count_++] = {lower, std::max(lower, slots_[i].upper.load())};
  }
  for (const Crowd& crowd : crowds_) {
    const std::uint64_t word = crowd.word.load();
    if ((word & kCrowdMask) == 0) continue;
    guards.intervals_[guards.count_++] = {word >> kCrowdBits, std::numeric_limits<Era>::max()};
  }
  const auto first = guards.intervals_.begin();
  std::iter_swap(first, std::min_element(first, first + guards.count_,
                                         [](auto& a, auto& b) { return a.lower < b.lower; }));
  return guards;
}

void Eras::Advance() {
  era_.fetch_add(1);
  guards_ = Look();
  const std::size_t other = 1 - crowd_.load();
  if ((crowds_[other].word.load() & kCrowdMask) == 0) crowd_.store(other);
}

Eras::Readers Eras::CountReaders() const {
  Readers readers;
  std::int64_t oldest = std::numeric_limits<std::int64_t>::max();
  const std::size_t used = slots_used_.load();
  for (std::size_t i = 0; i < used; ++i) {
    const ReaderSlot& slot = slots_[i];
    readers.gets += slot.gets.load(std::memory_order_relaxed);
    readers.hits += slot.hits.load(std::memory_order_relaxed);
    if (slot.lower.load() == 0) continue;
    ++readers.open_guards;
    // 0: it was claimed this very moment.
    if (const std::int64_t since = slot.since_ns.load(std::memory_order_relaxed); since > 0) {
      oldest = std::min(oldest, since);
    }
  }
  for (const Crowd& crowd : crowds_) {
    const std::uint64_t count = crowd.word.load() & kCrowdMask;
    readers.open_guards += count;
    const std::int64_t since = crowd.since_ns.load(std::memory_order_relaxed);
    if (count > 0 && since > 0) oldest = std::min(oldest, since);
  }
  readers.gets += crowd_gets_.load(std::memory_order_relaxed);
  readers.hits += crowd_hits_.load(std::memory_order_relaxed);
  const std::int64_t now = CoarseNow();
  if (readers.open_guards > 0 && oldest < now) {
    readers.oldest_seconds = static_cast<double>(now - oldest) * 1e-9;
  }
  return readers;
}

void Eras::AddTo(Layer* layer) const { layer->AddBlock(block_, kSlots * sizeof(ReaderSlot)); }

}  // namespace strata::packed
