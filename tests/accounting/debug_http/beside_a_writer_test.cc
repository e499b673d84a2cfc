// A cache is asked over HTTP while it is being written as fast as one thread can: every answer is
// of one moment, adds up, and none is negative.
//
// Threads: the server's, a writer, and the test's as the scraper.
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "nlohmann/json.hpp"
#include "tests/accounting/debug_http/http_client.h"
#include "tests/accounting/debug_http/whole_figures.h"
#include "tests/kit/owned_records.h"
#include "tests/kit/sanitizers.h"

#include <strata/cache.h>
#include <strata/debug_http.h>

namespace strata {
namespace {

// Every entry has as many, so that two moments in one answer show.
constexpr std::uint64_t kRecords = 3;
constexpr std::uint64_t kPairs = 2;
constexpr std::uint64_t kOuters = 20;
constexpr int kScrapes = kit::kUnderSanitizer ? 10 : 25;

kit::OwnedRecords ListOf(std::uint64_t number) {
  kit::OwnedRecords list;
  for (std::uint64_t record = 0; record < kRecords; ++record) {
    list.BeginRecord();
    list.AddPair("key", "value " + std::to_string(number % 100));
    list.AddPair("text", "text number " + std::to_string(number + record));
  }
  return list;
}

class BesideAWriterTest : public testing::Test {
 protected:
  BesideAWriterTest() {
    writer_ = std::thread([this] {
      for (std::uint64_t i = 0; !done_.load(); ++i) {
        const std::string outer = "outer" + std::to_string(i % kOuters);
        const std::string inner = std::to_string(i % 499);
        if (i % 5 == 4) {
          cache_.Delete(outer, inner);
        } else if (i % 4001 == 4000) {
          cache_.Clear();
        } else {
          EXPECT_TRUE(cache_.Put(outer, inner, ListOf(i).records()).ok());
        }
      }
    });
  }
  ~BesideAWriterTest() override {
    done_.store(true);
    writer_.join();
    EXPECT_TRUE(cache_.Validate().ok());
  }

  // A new server has measured nothing: what it answers first is of that moment.
  std::string Scrape(const std::string& path, bool running) {
    DebugSources sources;
    sources.caches = [this] {
      return std::vector<NamedFootprint>{{cache_.options().name, cache_.MeasureFootprint()}};
    };
    if (running) {
      sources.running = [this] {
        return std::vector<NamedRunning>{
            {cache_.options().name, cache_.Running(), cache_.OldestGuardSeconds()}};
      };
    }
    const auto server = DebugServer::Start(":0", std::move(sources)).value();
    HttpAnswer answer = HttpGet(server->port(), path);
    EXPECT_EQ(answer.status, 200) << path;
    return std::move(answer.body);
  }

  Cache cache_ = Cache::Create({.name = "shop"}).value();
  std::atomic<bool> done_ = false;
  std::thread writer_;
};

TEST_F(BesideAWriterTest, MetricsAddUpAndAreOfOneMoment) {
  for (const bool running : {true, false}) {
    double writes = 0;
    for (int scrape = 0; scrape < kScrapes; ++scrape) {
      auto metrics = ReadWholeMetrics(Scrape("/metrics", running));
      const auto figure = [&](const char* name) {
        return metrics.at(std::string(name) + "{cache=\"shop\"}");
      };
      EXPECT_EQ(figure("strata_records"), kRecords * figure("strata_entries"));
      EXPECT_EQ(figure("strata_pairs"), kPairs * figure("strata_records"));
      EXPECT_LE(figure("strata_outers"), kOuters);
      if (!running) continue;
      EXPECT_GE(figure("strata_writes"), writes);
      writes = figure("strata_writes");
    }
  }
}

TEST_F(BesideAWriterTest, FootprintsAddUpAndCountWhatTheyWalked) {
  for (int scrape = 0; scrape < kScrapes; ++scrape) {
    const WholeFootprint whole = ReadWholeFootprint(Scrape("/footprint", true));
    EXPECT_EQ(whole.records, kRecords * whole.entries);
    EXPECT_EQ(whole.pairs, kPairs * whole.records);
    EXPECT_LE(whole.outers, kOuters);
    // An outer is a blob, and so is each entry of an outer that has a table.
    EXPECT_GE(whole.blobs, whole.outers);
    EXPECT_LE(whole.blobs, whole.outers + whole.entries);
  }
}

TEST_F(BesideAWriterTest, ProfilesAddUp) {
  for (int scrape = 0; scrape < kScrapes; ++scrape) {
    EXPECT_GT(ReadWholeProfile(Scrape("/debug/pprof/heap", true)), 0u);
  }
}

}  // namespace
}  // namespace strata
