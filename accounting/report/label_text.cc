#include "accounting/report/label_text.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "accounting/report/json_parts.h"

namespace strata {

std::string AsUtf8(std::string_view text) {
  return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace))
      .get<std::string>();
}

std::vector<std::string> CacheLabels(std::span<const NamedFootprint> caches) {
  std::vector<std::string> labels;
  std::set<std::string> taken;
  for (const NamedFootprint& cache : caches) {
    const std::string name = AsUtf8(cache.cache);
    std::string label = name;
    for (int number = 2; !taken.insert(label).second; ++number) {
      label = absl::StrCat(name, "#", number);
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

}  // namespace strata
