// Reports as pages: the JSON form, and the scripts that draw it, in one file (accounting/assets/).
//
// The figures are those of the JSON because they are the JSON. Names may hold any text: inside the
// data every '<' is escaped as JSON allows, so nothing in a name can end the data or begin a tag.
//
// Threads: pure functions.
#include <cassert>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "accounting/report/assets.h"
#include "accounting/report/json_parts.h"
#include "accounting/report/label_text.h"
#include "accounting/report/meanings.h"

#include <strata/report.h>

namespace strata {
namespace {

std::string Escaped(std::string_view text) {
  const std::string whole = AsUtf8(text);
  return absl::StrReplaceAll(whole, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

Json WordsObject(std::span<const Meaning> meanings) {
  Json words = Json::object();
  for (const Meaning& meaning : meanings) {
    words[std::string(meaning.word)] = std::string(meaning.sentence);
  }
  return words;
}

std::string Page(std::string_view title, const char* kind, Json report) {
  const Json data = {{"kind", kind},
                     {"layer_words", WordsObject(LayerMeanings())},
                     {"state_words", WordsObject(StateMeanings())},
                     {"report", std::move(report)}};
  const std::string json = data.dump(-1, ' ', false, Json::error_handler_t::replace);
  const std::pair<std::string_view, std::string> places[] = {
      {"{{title}}", Escaped(title)},
      {"{{style}}", std::string(StyleAsset())},
      {"{{data}}", absl::StrReplaceAll(json, {{"<", "\\u003c"}})},
      {"{{echarts}}", std::string(EchartsAsset())},
      {"{{script}}", std::string(ScriptAsset())},
  };
  // Each place once and in the page's order: what is put in is never searched.
  std::string page;
  std::string_view rest = PageAsset();
  for (const auto& [place, text] : places) {
    const std::size_t at = rest.find(place);
    assert(at != std::string_view::npos);
    page += rest.substr(0, at);
    page += text;
    rest.remove_prefix(at + place.size());
  }
  page += rest;
  return page;
}

}  // namespace

std::string FootprintHtml(const FootprintReport& report) {
  return Page(absl::StrCat(report.layout.footprint.layout, ": ", report.dataset.source),
              "footprint", FootprintObject(report));
}

std::string CompareHtml(const CompareReport& report) {
  return Page(absl::StrCat("Layouts: ", report.dataset.source), "compare", CompareObject(report));
}

std::string DiffHtml(const FootprintDiff& diff) {
  return Page(absl::StrCat(diff.name_a, " to ", diff.name_b), "diff", DiffObject(diff));
}

}  // namespace strata
