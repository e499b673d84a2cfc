#include "accounting/report/shown_text.h"

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/str_format.h"

namespace strata {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

template <std::size_t kCount>
bool IsIn(char32_t point, const std::array<Range, kCount>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [point](const Range& range) {
    return point >= range.first && point <= range.last;
  });
}

// Controls, line and paragraph ends, and marks that change the direction of what follows.
constexpr std::array kControls = {
    Range{0x00, 0x1F},     Range{0x7F, 0x9F},     Range{0x061C, 0x061C}, Range{0x200B, 0x200F},
    Range{0x2028, 0x202E}, Range{0x2060, 0x206F}, Range{0xFEFF, 0xFEFF}};
constexpr std::array kCombining = {
    Range{0x0300, 0x036F}, Range{0x0483, 0x0489}, Range{0x0591, 0x05BD},
    Range{0x0610, 0x061A}, Range{0x064B, 0x065F}, Range{0x1AB0, 0x1AFF},
    Range{0x20D0, 0x20FF}, Range{0xFE00, 0xFE0F}, Range{0xFE20, 0xFE2F}};
constexpr std::array kWide = {
    Range{0x1100, 0x115F},   Range{0x2E80, 0xA4CF},  Range{0xA960, 0xA97F}, Range{0xAC00, 0xD7A3},
    Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},  Range{0xFF00, 0xFF60}, Range{0xFFE0, 0xFFE6},
    Range{0x1F300, 0x1FAFF}, Range{0x20000, 0x3FFFD}};

struct Character {
  std::size_t bytes = 1;
  char32_t point = 0;
  bool valid = false;
};

// The first character of `text`, which is not empty; one byte that is not valid where it is no
// UTF-8 (too long a form and surrogates are none).
Character First(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {.bytes = 1, .point = lead, .valid = true};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
  char32_t point = lead & (0x7F >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    point = (point << 6) | (byte(i) & 0x3F);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (point < kLeast[bytes] || point > 0x10FFFF || surrogate) return {};
  return {.bytes = bytes, .point = point, .valid = true};
}

std::size_t ColumnsOfPoint(char32_t point) {
  if (point < 0x300) return 1;
  if (IsIn(point, kCombining)) return 0;
  return IsIn(point, kWide) ? 2 : 1;
}

// How many bytes of `text` take at most `most` columns.
std::size_t BytesThatFit(std::string_view text, std::size_t most) {
  std::size_t columns = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const Character character = First(text.substr(at));
    columns += ColumnsOfPoint(character.point);
    if (columns > most) break;
    at += character.bytes;
  }
  return at;
}

// Calls visit with each character of `bytes`, or with the escape that stands for it.
template <class Visit>
void ForEachShown(std::string_view bytes, Visit visit) {
  for (std::size_t at = 0; at < bytes.size();) {
    const Character character = First(bytes.substr(at));
    const char32_t point = character.point;
    if (!character.valid) {
      visit(absl::StrFormat("\\x%02x", static_cast<unsigned char>(bytes[at])));
    } else if (point == '\n' || point == '\r' || point == '\t') {
      visit(point == '\n' ? "\\n" : point == '\r' ? "\\r" : "\\t");
    } else if (IsIn(point, kControls)) {
      visit(point < 0x80 ? absl::StrFormat("\\x%02x", static_cast<unsigned>(point))
                         : absl::StrFormat("\\u%04x", static_cast<unsigned>(point)));
    } else {
      visit(bytes.substr(at, character.bytes));
    }
    at += character.bytes;
  }
}

}  // namespace

std::size_t ColumnsOf(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = First(text.substr(at));
    columns += ColumnsOfPoint(character.point);
    at += character.bytes;
  }
  return columns;
}

std::string Shown(std::string_view bytes) {
  std::string shown;
  ForEachShown(bytes, [&](std::string_view part) { shown += part == "\\" ? "\\\\" : part; });
  return shown;
}

std::string ShownMessage(std::string_view bytes) {
  std::string shown;
  ForEachShown(bytes, [&](std::string_view part) { shown += part; });
  return shown;
}

std::string ShownName(std::string_view name) { return name.empty() ? "(empty)" : Shown(name); }

std::string CutEnd(std::string_view shown, std::size_t most) {
  if (ColumnsOf(shown) <= most) return std::string(shown);
  return std::string(shown.substr(0, BytesThatFit(shown, most - 1))) + "…";
}

std::string CutBegin(std::string_view shown, std::size_t most) {
  std::size_t columns = ColumnsOf(shown);
  if (columns <= most) return std::string(shown);
  while (columns > most - 1) {
    const Character character = First(shown);
    columns -= ColumnsOfPoint(character.point);
    shown.remove_prefix(character.bytes);
  }
  return "…" + std::string(shown);
}

std::string Folded(std::string_view shown, std::size_t most, std::size_t indent) {
  std::string lines;
  std::size_t room = most;
  while (ColumnsOf(shown) > room) {
    std::size_t end = std::max<std::size_t>(BytesThatFit(shown, room), First(shown).bytes);
    // A blank at the very end of the line belongs to it.
    const std::size_t blank = shown.substr(0, end + 1).rfind(' ');
    const std::size_t mark = shown.substr(0, end).find_last_of("/,");
    if (blank != std::string_view::npos && blank >= end / 2) {
      end = blank + 1;
    } else if (mark != std::string_view::npos && mark >= end / 2) {
      end = mark + 1;
    }
    lines += shown.substr(0, end);
    lines.erase(lines.find_last_not_of(' ') + 1);
    lines += "\n" + std::string(indent, ' ');
    shown.remove_prefix(end);
    room = most - indent;
  }
  return lines += shown;
}

}  // namespace strata
