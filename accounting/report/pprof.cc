// Footprints as a profile for pprof: a gzipped profile.proto (accounting/report/profile.proto).
//
// A leaf layer is a sample; its path is the stack. pprof merges frames of one name, whatever their
// callers are, so a frame's name is its whole path: "shop:dictionary/bytes", not "bytes". A colon
// of the cache's own name is escaped, so that the first one that is not ends the name: the cache
// "shop:log" is the frame "shop\:log", and "shop:log" is the log of "shop".
//
// Threads: pure functions.
#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "accounting/report/label_text.h"
#include "accounting/report/shown_text.h"
#include "profile.pb.h"

#include <strata/report.h>

namespace strata {
namespace {

// Strings, functions and locations of a profile, each once.
class ProfileBuilder {
 public:
  ProfileBuilder() { String(""); }

  std::int64_t String(const std::string& text) {
    const auto [place, is_new] = strings_.emplace(text, profile_.string_table_size());
    if (is_new) profile_.add_string_table(text);
    return place->second;
  }

  void SetType(pprof::ValueType* type, const char* name, const char* unit) {
    type->set_type(String(name));
    type->set_unit(String(unit));
  }

  // The location of a frame of that name: one each, so a location's id is its function's.
  std::uint64_t Location(const std::string& name) {
    const auto [place, is_new] = locations_.emplace(name, locations_.size() + 1);
    if (is_new) {
      pprof::Function* const function = profile_.add_function();
      function->set_id(place->second);
      function->set_name(String(name));
      // No system_name: where it equals the name, pprof takes "a<b>" for a template and shows "a".
      pprof::Location* const location = profile_.add_location();
      location->set_id(place->second);
      location->add_line()->set_function_id(place->second);
    }
    return place->second;
  }

  pprof::Profile& profile() { return profile_; }

 private:
  pprof::Profile profile_;
  std::unordered_map<std::string, std::int64_t> strings_;
  std::unordered_map<std::string, std::uint64_t> locations_;
};

// How frames name the caches, each otherwise: pprof prints a name as it is, and a line end would
// break its tables.
std::vector<std::string> FrameNames(std::span<const NamedFootprint> caches) {
  constexpr std::string_view kNoName = "(no name)";
  std::vector<std::string> names = CacheLabels(caches);
  for (std::string& name : names) {
    name = absl::StrReplaceAll(Shown(name), {{":", "\\:"}});
    // A backslash of the name's own is two, and so this is no other's.
    if (name == kNoName) name.insert(0, "\\");
    if (name.empty()) name = kNoName;
  }
  return names;
}

void AddLayer(const std::string& cache, const Layer& layer, ProfileBuilder* builder) {
  std::vector<std::uint64_t> stack = {builder->Location(cache)};
  const std::string path = Shown(AsUtf8(layer.name));
  for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
    stack.push_back(builder->Location(absl::StrCat(cache, ":", path.substr(0, end))));
    if (end == std::string::npos) break;
  }
  pprof::Sample* const sample = builder->profile().add_sample();
  sample->mutable_location_id()->Add(stack.rbegin(), stack.rend());
  for (const std::uint64_t value :
       {layer.total_bytes(), layer.used_bytes, layer.slack_bytes, layer.dead_bytes, layer.count}) {
    sample->add_value(static_cast<std::int64_t>(value));
  }
}

// Fixed header bytes (no time, no name), so that equal profiles are equal files.
absl::StatusOr<std::string> Gzip(const std::string& bytes) {
  constexpr int kGzipWindow = 15 + 16;
  constexpr int kMemoryLevel = 8;
  z_stream stream = {};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return absl::InternalError("zlib gives no compressor: is there memory?");
  }
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int result = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return absl::InternalError("zlib packs no profile");
  return packed;
}

}  // namespace

absl::StatusOr<std::string> PprofProfile(std::span<const NamedFootprint> caches,
                                         std::int64_t time_ns) {
  ProfileBuilder builder;
  pprof::Profile& profile = builder.profile();
  builder.SetType(profile.add_sample_type(), "total", "bytes");
  for (const char* const state : {"used", "slack", "dead"}) {
    builder.SetType(profile.add_sample_type(), state, "bytes");
  }
  builder.SetType(profile.add_sample_type(), "objects", "count");
  // pprof would show the last type first where none is named.
  profile.set_default_sample_type(builder.String("total"));
  builder.SetType(profile.mutable_period_type(), "total", "bytes");
  profile.set_period(1);
  profile.set_time_nanos(time_ns);
  const std::vector<std::string> labels = FrameNames(caches);
  for (std::size_t i = 0; i < caches.size(); ++i) {
    const Footprint& footprint = caches[i].footprint;
    for (const Layer& layer : footprint.layers) AddLayer(labels[i], layer, &builder);
    profile.add_comment(builder.String(absl::StrCat(
        labels[i], ": layout ", AsUtf8(footprint.layout), ", ", footprint.total_bytes(),
        " bytes walked, ", footprint.allocated_bytes, " counted at the door")));
  }
  std::string bytes;
  if (!profile.SerializeToString(&bytes)) {
    return absl::InternalError("protobuf writes no profile");
  }
  return Gzip(bytes);
}

}  // namespace strata
