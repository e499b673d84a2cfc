#include "tests/accounting/debug_http/whole_figures.h"

#include <cstdlib>
#include <regex>
#include <set>
#include <sstream>
#include <string_view>

#include <gtest/gtest.h>

#include "nlohmann/json.hpp"
#include "tests/accounting/report/read_profile.h"

namespace strata {
namespace {

using nlohmann::json;

// What a figure that went below zero would be above.
constexpr double kTooMuch = 1e15;

// The value of `label` in a series.
std::string LabelOf(const std::string& series, const std::string& label) {
  const std::string begin = label + "=\"";
  const std::size_t at = series.find(begin);
  if (at == std::string::npos) return "";
  const std::size_t from = at + begin.size();
  return series.substr(from, series.find('"', from) - from);
}

std::uint64_t Whole(const json& figure) {
  EXPECT_TRUE(figure.is_number_unsigned()) << figure;
  const auto bytes = figure.get<std::uint64_t>();
  EXPECT_LT(static_cast<double>(bytes), kTooMuch);
  return bytes;
}

void ExpectBooksClose(const json& process) {
  for (const char* const of : {"anon", "file"}) {
    std::int64_t sum = process.at("unexplained_bytes").at(of).get<std::int64_t>();
    for (const json& term : process.at("terms")) {
      if (term.at("of") == of) sum += term.at("bytes").get<std::int64_t>();
    }
    EXPECT_EQ(sum, process.at(std::string(of) + "_bytes").get<std::int64_t>()) << of;
  }
}

}  // namespace

std::map<std::string, double> ReadWholeMetrics(const std::string& text) {
  EXPECT_TRUE(text.ends_with("# EOF\n")) << text;
  std::map<std::string, double> series;
  std::map<std::string, double> sums;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t space = line.rfind(' ');
    const std::string name = line.substr(0, space);
    const double value = std::strtod(line.c_str() + space, nullptr);
    EXPECT_TRUE(series.emplace(name, value).second) << name << " is there twice";
    // A process's terms have signs.
    if (name.starts_with("strata_process_")) continue;
    EXPECT_GE(value, 0) << name;
    EXPECT_LT(value, kTooMuch) << name;
    if (name.starts_with("strata_memory_bytes{")) sums[LabelOf(name, "cache")] += value;
  }
  EXPECT_FALSE(sums.empty());
  for (const auto& [cache, sum] : sums) {
    EXPECT_EQ(sum, series["strata_allocated_bytes{cache=\"" + cache + "\"}"]) << cache;
  }
  return series;
}

WholeFootprint ReadWholeFootprint(const std::string& text) {
  const json footprint = json::parse(text);
  const json& dataset = footprint.at("dataset");
  WholeFootprint whole{.outers = Whole(dataset.at("outers")),
                       .entries = Whole(dataset.at("entries")),
                       .records = Whole(dataset.at("records")),
                       .pairs = Whole(dataset.at("pairs"))};
  std::set<std::string> names;
  std::uint64_t sum = 0;
  for (const json& layer : footprint.at("layers")) {
    const auto name = layer.at("name").get<std::string>();
    EXPECT_TRUE(names.insert(name).second) << name << " is there twice";
    const std::uint64_t total = Whole(layer.at("total_bytes"));
    EXPECT_EQ(total, Whole(layer.at("used_bytes")) + Whole(layer.at("slack_bytes")) +
                         Whole(layer.at("dead_bytes")))
        << name;
    sum += total;
    if (name == "log/blobs") whole.blobs = Whole(layer.at("count"));
  }
  EXPECT_EQ(sum, Whole(footprint.at("total_bytes")));
  EXPECT_EQ(sum, Whole(footprint.at("allocated_bytes")));
  ExpectBooksClose(footprint.at("process"));
  return whole;
}

std::uint64_t ReadWholeProfile(const std::string& packed) {
  const ReadProfile profile = ReadPprof(packed);
  std::int64_t sum = 0;
  for (const auto& [stack, values] : profile.samples) {
    EXPECT_EQ(values.size(), 5u);
    for (const std::int64_t value : values) EXPECT_GE(value, 0) << stack;
    EXPECT_EQ(values[0], values[1] + values[2] + values[3]) << stack;
    sum += values[0];
  }
  // One of each cache.
  static const std::regex kSums(".*, ([0-9]+) bytes walked, ([0-9]+) counted at the door.*");
  std::int64_t walked = 0;
  for (const std::string& comment : profile.comments) {
    std::smatch sums;
    if (!std::regex_match(comment, sums, kSums)) {
      ADD_FAILURE() << comment;
      continue;
    }
    EXPECT_EQ(sums[1], sums[2]) << comment;
    walked += std::stoll(sums[1]);
  }
  EXPECT_EQ(walked, sum);
  return static_cast<std::uint64_t>(sum);
}

}  // namespace strata
