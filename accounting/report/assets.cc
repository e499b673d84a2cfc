#include "accounting/report/assets.h"

// Each file between two symbols of the read-only data: the assembler reads it, nothing is turned
// into source text and back. The symbols are hidden, so that no other library meets them.
#define STRATA_ASSET(symbol, file)                                                             \
  asm(".pushsection .rodata\n"                                                                 \
      ".globl strata_asset_" #symbol "_begin, strata_asset_" #symbol                           \
      "_end\n"                                                                                 \
      ".hidden strata_asset_" #symbol                                                          \
      "_begin\n"                                                                               \
      ".hidden strata_asset_" #symbol                                                          \
      "_end\n"                                                                                 \
      "strata_asset_" #symbol                                                                  \
      "_begin:\n"                                                                              \
      ".incbin \"" STRATA_ASSETS_FOLDER "/" file                                               \
      "\"\n"                                                                                   \
      "strata_asset_" #symbol                                                                  \
      "_end:\n"                                                                                \
      ".byte 0\n"                                                                              \
      ".popsection\n");                                                                        \
  extern "C" __attribute__((visibility("hidden"))) const char strata_asset_##symbol##_begin[]; \
  extern "C" __attribute__((visibility("hidden"))) const char strata_asset_##symbol##_end[]

STRATA_ASSET(page, "report.html");
STRATA_ASSET(style, "report.css");
STRATA_ASSET(script, "report.js");
STRATA_ASSET(echarts, "echarts/echarts.min.js");

namespace strata {
namespace {

std::string_view Between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view PageAsset() { return Between(strata_asset_page_begin, strata_asset_page_end); }
std::string_view StyleAsset() { return Between(strata_asset_style_begin, strata_asset_style_end); }
std::string_view ScriptAsset() {
  return Between(strata_asset_script_begin, strata_asset_script_end);
}
std::string_view EchartsAsset() {
  return Between(strata_asset_echarts_begin, strata_asset_echarts_end);
}

}  // namespace strata
