#include "engine/serve/futhark/text_value.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/serve/futhark/value_file.h"

namespace reprise::engine::futhark {
namespace {

/// No value of any type needs more.
constexpr std::size_t kMaxToken = 100;

bool is_part_of_word(int c) {
  return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '+' || c == '_';
}

[[noreturn]] void unexpected(std::string_view expected, std::string_view token) {
  fail(ErrorCode::invalid_data, "text value: expected {}, found {}", expected,
       token.empty() ? "the end" : "\"" + printable(token, kMaxToken) + "\"");
}

void skip_line(ByteSource& source) {
  int c = source.get();
  while (c != EOF && c != '\n') {
    c = source.get();
  }
}

/// A word, or one other character; empty at the end.
std::string next_token(ByteSource& source) {
  source.skip_spaces();
  std::string token;
  for (int c = source.get(); c != EOF; c = source.get()) {
    if (!is_part_of_word(c)) {
      if (token.empty()) {
        return {static_cast<char>(c)};
      }
      source.unget(c);
      return token;
    }
    token += static_cast<char>(c);
    if (token == "--") {
      skip_line(source);
      source.skip_spaces();
      token.clear();
    }
    if (token.size() > kMaxToken) {
      unexpected("a value", token);
    }
  }
  return token;
}

void expect(ByteSource& source, std::string_view expected) {
  const std::string token = next_token(source);
  if (token != expected) {
    unexpected("\"" + std::string(expected) + "\"", token);
  }
}

template <class T>
void append(std::vector<std::byte>& bytes, T value) {
  const auto raw = std::as_bytes(std::span(&value, 1));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

/// `word` without underscores and its type suffix.
std::string_view digits_of(std::string& word, std::string_view suffix) {
  std::erase(word, '_');
  std::string_view digits = word;
  if (digits.ends_with(suffix)) {
    digits.remove_suffix(suffix.size());
  }
  return digits;
}

template <class T>
bool append_integer(std::vector<std::byte>& bytes, std::string_view digits) {
  const bool negative = digits.starts_with('-');
  digits.remove_prefix(negative || digits.starts_with('+') ? 1 : 0);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
  } else if (digits.starts_with("0b") || digits.starts_with("0B")) {
    base = 2;
  }
  digits.remove_prefix(base == 10 ? 0 : 2);
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  const auto largest = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  const std::uint64_t most = negative ? (std::is_signed_v<T> ? largest + 1 : 0) : largest;
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || magnitude > most) {
    return false;
  }
  append(bytes, static_cast<T>(negative ? 0 - magnitude : magnitude));
  return true;
}

std::optional<double> parse_float(std::string_view word, std::string_view type) {
  const std::string prefix = std::string(type) + ".";
  if (word == prefix + "nan") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (word == prefix + "inf" || word == "-" + prefix + "inf") {
    return word.starts_with('-') ? -HUGE_VAL : HUGE_VAL;
  }
  if (word.ends_with(type)) {
    word.remove_suffix(type.size());
  }
  if (word.starts_with('+')) {
    word.remove_prefix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool whole = !word.empty() && error == std::errc() && end == word.data() + word.size();
  return whole && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

bool append_float(std::vector<std::byte>& bytes, std::string word, DType element) {
  std::erase(word, '_');
  const auto value = parse_float(word, *primitive_name(element));
  if (!value) {
    return false;
  }
  if (element == DType::f64) {
    append(bytes, *value);
  } else if (element == DType::f32) {
    append(bytes, static_cast<float>(*value));
  } else {
    append(bytes, to_f16(static_cast<float>(*value)));
  }
  return true;
}

bool append_element(std::vector<std::byte>& bytes, std::string word, DType element) {
  if (element == DType::boolean) {
    append(bytes, static_cast<std::uint8_t>(word == "true"));
    return word == "true" || word == "false";
  }
  if (element == DType::f16 || element == DType::f32 || element == DType::f64) {
    return append_float(bytes, std::move(word), element);
  }
  const std::string_view digits = digits_of(word, *primitive_name(element));
  switch (element) {
    case DType::i8:
      return append_integer<std::int8_t>(bytes, digits);
    case DType::i16:
      return append_integer<std::int16_t>(bytes, digits);
    case DType::i32:
      return append_integer<std::int32_t>(bytes, digits);
    case DType::i64:
      return append_integer<std::int64_t>(bytes, digits);
    case DType::u8:
      return append_integer<std::uint8_t>(bytes, digits);
    case DType::u16:
      return append_integer<std::uint16_t>(bytes, digits);
    case DType::u32:
      return append_integer<std::uint32_t>(bytes, digits);
    default:
      return append_integer<std::uint64_t>(bytes, digits);
  }
}

/// The rows of one array, whose extents become known with the first row of each dimension.
class ArrayReader {
 public:
  ArrayReader(ByteSource& source, const ArrayType& type)
      : source_(source), type_(type), extents_(type.rank, -1) {}

  Array read(std::string token) {
    if (token == "empty") {
      return read_empty();
    }
    read_rows(std::move(token), 0);
    return {type_.element, std::move(extents_), SharedBytes::copy_of(bytes_)};
  }

 private:
  Array read_empty() {
    expect(source_, "(");
    for (std::int64_t& extent : extents_) {
      expect(source_, "[");
      const std::string token = next_token(source_);
      std::vector<std::byte> parsed;
      if (!append_integer<std::int64_t>(parsed, token)) {
        unexpected("an extent", token);
      }
      std::memcpy(&extent, parsed.data(), sizeof extent);
      expect(source_, "]");
    }
    expect(source_, *primitive_name(type_.element));
    expect(source_, ")");
    if (count_of(extents_, type_.element) != 0) {
      fail(ErrorCode::invalid_data, "text value: expected extents with a 0, found {}", to_text(extents_));
    }
    return {type_.element, std::move(extents_), {}};
  }

  void read_rows(std::string token, std::size_t axis) {
    if (axis == type_.rank) {
      if (!append_element(bytes_, token, type_.element)) {
        unexpected("an element of type " + std::string(*primitive_name(type_.element)), token);
      }
      return;
    }
    if (token != "[") {
      unexpected("\"[\"", token);
    }
    std::int64_t n = 0;
    for (token = next_token(source_); token != "]"; ++n) {
      read_rows(std::move(token), axis + 1);
      token = next_token(source_);
      if (token == ",") {
        token = next_token(source_);
      } else if (token != "]") {
        unexpected("\",\" or \"]\"", token);
      }
    }
    if (n == 0 && type_.rank > 1) {
      unexpected("elements (an array without any is written empty(...))", "]");
    }
    if (extents_[axis] >= 0 && extents_[axis] != n) {
      fail(ErrorCode::invalid_data, "text value: expected rows of {} elements, as before, found one of {}",
           extents_[axis], n);
    }
    extents_[axis] = n;
  }

  ByteSource& source_;
  ArrayType type_;
  Extents extents_;
  std::vector<std::byte> bytes_;
};

}  // namespace

Array read_text(ByteSource& source, const ArrayType& type) {
  std::string token = next_token(source);
  if (token.empty()) {
    unexpected("a value of type " + name_of(type), token);
  }
  return ArrayReader(source, type).read(std::move(token));
}

}  // namespace reprise::engine::futhark
