#include "bench/suites/benchmark_data.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/gen.h"

#include <strata/json_source.h>
#include <strata/load.h>

namespace strata {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr std::size_t kLookups = 300'000;

struct Loaded {
  DataSpec spec;
  LoadedLayout loaded;
};

std::unique_ptr<Loaded>& TheLoaded() {
  static std::unique_ptr<Loaded> loaded;
  return loaded;
}

absl::Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::ErrnoToStatus(errno, "the generated document, in memory");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

std::string DataSpec::Name() const { return absl::StrCat(std::string(shape), "/", records); }

std::vector<DataSpec> DataSpecs() {
  return {{"forum", 10'000},   {"forum", 200'000}, {"forum", 1'000'000},
          {"unique", 200'000}, {"rows", 30'000},   {"sparse", 40'000}};
}

void RequireOk(const absl::Status& status, std::string_view doing) {
  if (status.ok()) return;
  std::fprintf(stderr, "strata_bench: %.*s: %s\n", static_cast<int>(doing.size()), doing.data(),
               status.ToString().c_str());
  std::exit(1);
}

const BenchmarkData& BenchmarkData::Get(const DataSpec& spec) {
  static std::unique_ptr<BenchmarkData> data;
  if (data == nullptr || data->spec() != spec) {
    TheLoaded().reset();
    data.reset();
    data.reset(new BenchmarkData(spec));
    RequireOk(data->Make(), spec.Name());
  }
  return *data;
}

BenchmarkData::~BenchmarkData() {
  if (memory_file_ >= 0) close(memory_file_);
}

absl::Status BenchmarkData::Make() {
  memory_file_ = memfd_create("strata_bench", MFD_CLOEXEC);
  if (memory_file_ < 0) return absl::ErrnoToStatus(errno, "no file in memory");
  absl::Status status = Generate(spec_.shape, spec_.records, kSeed, [this](std::string_view bytes) {
    json_bytes_ += bytes.size();
    return WriteAll(memory_file_, bytes);
  });
  if (!status.ok()) return status;

  absl::StatusOr<std::unique_ptr<Source>> source = OpenJson();
  if (!source.ok()) return source.status();
  while (true) {
    Batch batch;
    status = (*source)->Read(&batch);
    if (!status.ok() || batch.empty()) return status;
    batches_.push_back(std::move(batch));
  }
}

absl::StatusOr<std::unique_ptr<Source>> BenchmarkData::OpenJson() const {
  // Opened by path, so that each reading has a position of its own.
  return OpenJsonFile(absl::StrCat("/proc/self/fd/", memory_file_), {});
}

void BenchmarkData::ForEachEntry(absl::FunctionRef<void(const Change&)> use) const {
  for (const Batch& batch : batches_) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Change change = batch[i];
      if (change.kind == Change::Kind::kPutEntry) use(change);
    }
  }
}

const LoadedLayout& GetLoaded(const DataSpec& spec, std::string_view layout_name) {
  const BenchmarkData& data = BenchmarkData::Get(spec);
  std::unique_ptr<Loaded>& current = TheLoaded();
  if (current == nullptr || current->spec != spec ||
      current->loaded.layout->name() != layout_name) {
    current.reset();
    current = std::make_unique<Loaded>();
    current->spec = spec;
    LoadedLayout& loaded = current->loaded;
    loaded.layout = MakeLayout(layout_name);
    absl::StatusOr<std::unique_ptr<Source>> source = data.OpenJson();
    RequireOk(source.status(), spec.Name());
    RequireOk(Load(**source, *loaded.layout).status(), spec.Name());
    loaded.layout->Maintain();
    loaded.hits = Lookups::Draw(*loaded.layout, kLookups);
    loaded.misses = loaded.hits.Missing(*loaded.layout);
  }
  return current->loaded;
}

std::unique_ptr<Layout> MakeOnlyLayout(std::string_view layout_name) {
  TheLoaded().reset();
  return MakeLayout(layout_name);
}

}  // namespace strata
