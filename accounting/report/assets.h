// The files of accounting/assets/, as the library carries them.
//
// Threads: constants.
#ifndef STRATA_ACCOUNTING_REPORT_ASSETS_H_
#define STRATA_ACCOUNTING_REPORT_ASSETS_H_

#include <string_view>

namespace strata {

std::string_view PageAsset();     ///< report.html, with places named {{like this}}
std::string_view StyleAsset();    ///< report.css
std::string_view ScriptAsset();   ///< report.js
std::string_view EchartsAsset();  ///< echarts/echarts.min.js

}  // namespace strata

#endif  // STRATA_ACCOUNTING_REPORT_ASSETS_H_
