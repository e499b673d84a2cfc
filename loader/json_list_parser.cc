#include "loader/json_list_parser.h"

#include "loader/json_string.h"
#include "loader/json_window.h"

namespace strata {
namespace {

static_assert(JsonWindow::kBackBytes > simdjson::SIMDJSON_PADDING + 1,
              "simdjson reads that far behind its text");

// Parser memory kept from piece to piece; a giant pair makes it larger for its own time only.
constexpr std::size_t kKeptCapacity = std::size_t{1} << 20;

// Behind the last character of the string that begins at `text`, and whether anything in it is
// escaped. The closing quote lies before `end`: stage 1 has found it.
const char* EndOfString(const char* text, const char* end, bool* escaped) {
  const char* at = FindQuoteOrBackslash(text, end);
  *escaped = *at != '"';
  while (*at != '"') at = FindQuoteOrBackslash(at + 2, end);
  return at;
}

}  // namespace

simdjson::error_code ListParser::Parse(char* text, std::size_t size, bool ends_at_comma,
                                       bool ends_in_record, ListPlace* place, Batch* batch) {
  char* begin = text - 1;
  if (place->in_record) {
    begin = text - 2;
    text[-1] = '{';
  }
  *begin = '[';
  char* end = text + size;
  const char covered[2] = {end[0], end[1]};
  std::size_t closing = 0;
  if (ends_in_record) end[closing++] = '}';
  end[closing++] = ']';
  const std::string_view closed(begin, static_cast<std::size_t>(end - begin) + closing);
  const simdjson::error_code error =
      ParseClosed(closed, ends_at_comma, ends_in_record, place, batch);
  end[0] = covered[0];
  end[1] = covered[1];
  if (parser_.capacity() > kKeptCapacity) parser_ = simdjson::ondemand::parser();
  key_room_.Clear(kKeptCapacity);
  value_room_.Clear(kKeptCapacity);
  return error;
}

simdjson::error_code ListParser::ParseClosed(std::string_view closed, bool ends_at_comma,
                                             bool ends_in_record, ListPlace* place, Batch* batch) {
  text_end_ = closed.data() + closed.size();
  simdjson::ondemand::document document;
  simdjson::ondemand::array array;
  SIMDJSON_TRY(parser_
                   .iterate(simdjson::padded_string_view(
                       closed.data(), closed.size(), closed.size() + simdjson::SIMDJSON_PADDING))
                   .get(document));
  SIMDJSON_TRY(document.get_array().get(array));
  std::size_t elements = 0;
  std::size_t first_pairs = 0;
  std::size_t last_pairs = 0;
  for (simdjson::simdjson_result<simdjson::ondemand::value> result : array) {
    simdjson::ondemand::value element;
    SIMDJSON_TRY(std::move(result).get(element));
    if (elements > 0 || !place->in_record) batch->BeginRecord();
    last_pairs = 0;
    SIMDJSON_TRY(AddRecord(element, batch, &last_pairs));
    if (elements++ == 0) first_pairs = last_pairs;
  }
  // On-Demand would accept text behind the list.
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return simdjson::TRAILING_CONTENT;
  }
  // What the brackets would hide: a comma with nothing in front of it or behind it.
  if (elements == 0 && (place->behind_comma || ends_at_comma)) return simdjson::TAPE_ERROR;
  if (place->in_record && first_pairs == 0) return simdjson::TAPE_ERROR;
  if (ends_in_record && last_pairs == 0) return simdjson::TAPE_ERROR;
  place->record += elements - (ends_in_record ? 1 : 0);
  place->behind_comma = ends_at_comma;
  place->in_record = ends_in_record;
  return simdjson::SUCCESS;
}

simdjson::error_code ListParser::AddRecord(simdjson::ondemand::value element, Batch* batch,
                                           std::size_t* pair_count) {
  simdjson::ondemand::json_type type;
  SIMDJSON_TRY(element.type().get(type));
  if (type == simdjson::ondemand::json_type::null) {
    bool is_null = false;
    SIMDJSON_TRY(element.is_null().get(is_null));
    return is_null ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
  }
  simdjson::ondemand::object record;
  SIMDJSON_TRY(element.get_object().get(record));
  for (simdjson::simdjson_result<simdjson::ondemand::field> result : record) {
    simdjson::ondemand::field field;
    SIMDJSON_TRY(std::move(result).get(field));
    std::string_view key;
    SIMDJSON_TRY(Text(field.key(), &key_room_, &key));
    simdjson::ondemand::raw_json_string raw_value;
    SIMDJSON_TRY(field.value().get_raw_json_string().get(raw_value));
    std::string_view value;
    SIMDJSON_TRY(Text(raw_value, &value_room_, &value));
    batch->AddPair(key, value);
    ++*pair_count;
  }
  return simdjson::SUCCESS;
}

// The string's text: where it lies, or unescaped into `room`. Not into simdjson's own buffer, which
// it does not check for a failed allocation.
simdjson::error_code ListParser::Text(simdjson::ondemand::raw_json_string raw,
                                      GrowingArray<char>* room, std::string_view* text) {
  const char* begin = raw.raw();
  bool escaped = false;
  const auto size = static_cast<std::size_t>(EndOfString(begin, text_end_, &escaped) - begin);
  *text = {begin, size};
  if (!escaped) return simdjson::SUCCESS;
  room->Reserve(size + simdjson::SIMDJSON_PADDING);
  auto* out = reinterpret_cast<std::uint8_t*>(room->data());
  return parser_.unescape(raw, out).get(*text);
}

}  // namespace strata
