#include "accounting/report/label_text.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "accounting/report/json_parts.h"

namespace strata {

std::string AsUtf8(std::string_view text) {
  return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace))
      .get<std::string>();
}

namespace {

template <class Named>
std::vector<std::string> LabelsOf(std::span<const Named> caches) {
  std::vector<std::string> labels;
  std::set<std::string> taken;
  for (const Named& cache : caches) {
    const std::string name = AsUtf8(cache.cache);
    std::string label = name;
    for (int number = 2; !taken.insert(label).second; ++number) {
      label = absl::StrCat(name, "#", number);
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

}  // namespace

std::vector<std::string> CacheLabels(std::span<const NamedFootprint> caches) {
  return LabelsOf(caches);
}

std::vector<std::string> CacheLabels(std::span<const NamedRunning> caches) {
  return LabelsOf(caches);
}

}  // namespace strata
