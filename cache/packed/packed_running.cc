// The running figures of the packed layout, and the audit that holds them against a walk.
//
// The log's are those that segments keep for the cleaner; the others are the door's sums of layers.
// The walk (packed_footprint.cc) reads neither.
#include <cstdio>
#include <cstdlib>
#include <new>

#include "cache/packed/packed_map.h"

namespace strata::packed {

void PackedMap::Publish() {
  const auto held = [&](PackedLayer layer) { return door_.allocated_bytes(layer); };
  RunningFootprint now;
  now.counts = counts_;
  now.writes = writes_;
  now.log_dead_bytes = log_.dead_bytes();
  now.log_slack_bytes = log_.taken_bytes() - log_.filled_bytes() + log_.room_bytes();
  now.log_live_bytes = log_.filled_bytes() - log_.dead_bytes() - log_.room_bytes();
  now.log_kept_bytes = log_.retired_bytes();
  now.index_bytes = held(kIndex);
  now.dictionary_bytes = held(kDictionaryIndex) + held(kDictionaryTable);
  now.other_bytes =
      held(kSegmentList) + held(kShapes) + held(kPolicy) + held(kScratch) + held(kReaders);
  now.allocated_bytes = door_.allocated_bytes();
  now.memory_limit_bytes = MemoryLimit();
  running_.Store(now);
}

void PackedMap::Audit() const try {
  const Footprint walk = Measure();
  const RunningFootprint running = running_.Load();
  const auto part = [&](const char* name) {
    const Layer* const layer = walk.Find(name);
    return layer == nullptr ? Layer{} : *layer;
  };
  const Layer blobs = part("log/blobs");
  const std::uint64_t walked_live = blobs.used_bytes + part("dictionary/bytes").used_bytes;
  const std::uint64_t walked_slack = blobs.slack_bytes + part("log/free").slack_bytes;
  // The walk sets apart what guards keep: what is retired, and of the log's dead and the shapes
  // what they may still read.
  const std::uint64_t walked_dead = part("log/dead").dead_bytes + part("retained").dead_bytes +
                                    part("shapes").total_bytes() - RetiredBytes() -
                                    door_.allocated_bytes(kShapes);
  if (walk.total_bytes() == running.total_bytes() &&
      walk.total_bytes() == door_.allocated_bytes() && walked_live == running.log_live_bytes &&
      walked_slack == running.log_slack_bytes && walked_dead == running.log_dead_bytes) {
    return;
  }
  std::fprintf(stderr,
               "strata: the books are wrong after %llu writes: walked %llu bytes, running %llu, at "
               "the door %llu; of the log live %llu and %llu, slack %llu and %llu, dead %llu and "
               "%llu; please report it\n",
               static_cast<unsigned long long>(writes_),
               static_cast<unsigned long long>(walk.total_bytes()),
               static_cast<unsigned long long>(running.total_bytes()),
               static_cast<unsigned long long>(door_.allocated_bytes()),
               static_cast<unsigned long long>(walked_live),
               static_cast<unsigned long long>(running.log_live_bytes),
               static_cast<unsigned long long>(walked_slack),
               static_cast<unsigned long long>(running.log_slack_bytes),
               static_cast<unsigned long long>(walked_dead),
               static_cast<unsigned long long>(running.log_dead_bytes));
  std::abort();
} catch (const std::bad_alloc&) {
  // Another audit will find the memory.
}

}  // namespace strata::packed
