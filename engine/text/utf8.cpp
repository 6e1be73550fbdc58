#include "engine/text/utf8.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "engine/core/check.h"

namespace reprise::engine {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  return static_cast<std::uint8_t>(text[i]);
}

struct Lead {
  std::size_t size = 0;  ///< of the whole character; 0: no character begins with this byte
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;  ///< the second byte's range, which excludes overlong forms and surrogates
};

/// Table 3-7 of the Unicode Standard.
Lead lead_of(std::uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

constexpr auto kCompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);

int combining_class(utf8proc_int32_t code_point) {
  return utf8proc_get_property(code_point)->combining_class;
}

/// Canonical decomposition in canonical order. utf8proc's own ordering takes quadratic time on a long run of
/// marks; sorting each run does not.
std::vector<utf8proc_int32_t> decomposed(std::string_view text) {
  std::vector<utf8proc_int32_t> result;
  result.reserve(text.size());
  std::array<utf8proc_int32_t, 32> buffer;  // canonical decompositions have at most 4 code points
  constexpr auto kDecompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
  while (!text.empty()) {
    const Utf8Step step = first_utf8_step(text);
    REPRISE_CHECK(step.kind == Utf8Kind::character);
    const utf8proc_ssize_t n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(step.code_point),
                                                       buffer.data(), buffer.size(), kDecompose, nullptr);
    REPRISE_CHECK(n >= 0 && static_cast<std::size_t>(n) <= buffer.size());
    result.insert(result.end(), buffer.begin(), buffer.begin() + n);
    text.remove_prefix(step.size);
  }
  const auto is_mark = [](utf8proc_int32_t code_point) { return combining_class(code_point) != 0; };
  for (auto begin = result.begin(); begin != result.end();) {
    begin = std::find_if(begin, result.end(), is_mark);
    const auto end = std::find_if_not(begin, result.end(), is_mark);
    std::stable_sort(begin, end, [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
  return result;
}

}  // namespace

Utf8Step first_utf8_step(std::string_view text) {
  const std::uint8_t first = byte_at(text, 0);
  if (first < 0x80) {
    return {Utf8Kind::character, 1, first};
  }
  const Lead lead = lead_of(first);
  if (lead.size == 0) {
    return {Utf8Kind::invalid, 1, 0};
  }
  std::uint32_t code_point = first & (0x7FU >> lead.size);
  for (std::size_t i = 1; i < lead.size; ++i) {
    if (i == text.size()) {
      return {Utf8Kind::cut, i, 0};
    }
    const std::uint8_t byte = byte_at(text, i);
    if (byte < (i == 1 ? lead.low : 0x80) || byte > (i == 1 ? lead.high : 0xBF)) {
      return {Utf8Kind::invalid, i, 0};
    }
    code_point = code_point << 6 | (byte & 0x3FU);
  }
  return {Utf8Kind::character, lead.size, code_point};
}

std::size_t last_utf8_begin(std::string_view text) {
  std::size_t i = text.size() - 1;
  while (i > 0 && (byte_at(text, i) & 0xC0U) == 0x80U) {
    --i;
  }
  return i;
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Step step = first_utf8_step(text);
    if (step.kind != Utf8Kind::character) {
      return false;
    }
    text.remove_prefix(step.size);
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Utf8Step step = first_utf8_step(text);
    result += step.kind == Utf8Kind::character ? text.substr(0, step.size) : kReplacement;
    text.remove_prefix(step.size);
  }
  return result;
}

std::string to_nfc(std::string_view text) {
  if (is_ascii(text)) {
    return std::string(text);
  }
  std::vector<utf8proc_int32_t> code_points = decomposed(text);
  const utf8proc_ssize_t n = utf8proc_normalize_utf32(
      code_points.data(), static_cast<utf8proc_ssize_t>(code_points.size()), kCompose);
  REPRISE_CHECK(n >= 0 && static_cast<std::size_t>(n) <= code_points.size());
  std::string result;
  result.reserve(text.size());
  for (const utf8proc_int32_t code_point : std::span(code_points).first(static_cast<std::size_t>(n))) {
    std::array<utf8proc_uint8_t, 4> bytes;
    const utf8proc_ssize_t size = utf8proc_encode_char(code_point, bytes.data());
    result.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(size));
  }
  return result;
}

bool is_white_space(std::uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_word_character(std::uint32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    case UTF8PROC_CATEGORY_SO:  // the alphabetic symbols: letters in circles and squares
      return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
             (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
    default:
      return c == 0x200C || c == 0x200D;
  }
}

}  // namespace reprise::engine
