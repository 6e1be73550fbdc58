#include "harness/regress/history/formats/json_input.h"

#include <cmath>

#include "engine/core/error.h"
#include "engine/io/json_archive.h"
#include "engine/io/json_text.h"
#include "engine/io/printable.h"
#include "harness/regress/history/series.h"

namespace reprise::harness::detail {
namespace {

using nlohmann::json;

struct Word {
  std::string_view text;
  std::size_t line = 1;
};

/// The first word outside strings that would be a number, were JSON to have it; "" when there is none.
Word word_that_is_no_number(std::string_view text) {
  bool in_string = false;
  std::size_t line = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    line += text[i] == '\n' ? 1 : 0;
    if (in_string && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      in_string = !in_string;
    } else if (!in_string) {
      for (const std::string_view word : {"NaN", "nan", "-nan", "Infinity", "-Infinity", "inf", "-inf"}) {
        if (text.substr(i).starts_with(word)) {
          return {word, line};
        }
      }
    }
  }
  return {};
}

}  // namespace

json parse_foreign_json(std::string_view text, const std::string& source) {
  try {
    return engine::parse_json(text, source);
  } catch (const Error&) {
    if (const Word word = word_that_is_no_number(text); !word.text.empty()) {
      fail(ErrorCode::invalid_data, "{}: line {}: expected JSON, which has finite numbers only, found {}",
           source, word.line, word.text);
    }
    throw;
  }
}

void wrong_json(const std::string& source, const std::string& path, std::string_view expected,
                const json& found) {
  const std::string text = found.is_string()   ? "'" + engine::printable(found.get<std::string>()) + "'"
                           : found.is_number() ? found.dump()
                           : found.is_null()   ? "nothing"
                                               : found.type_name();
  fail(ErrorCode::invalid_data, "{}: {}: expected {}, found {}", source, path.empty() ? "document" : path,
       expected, text);
}

const json& field_of(const json& object, const std::string& source, const std::string& path,
                     const std::string& name) {
  static const json nothing;
  if (!object.is_object()) {
    wrong_json(source, path, "an object", object);
  }
  const auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

std::string string_at(const json& value, const std::string& source, const std::string& path) {
  if (!value.is_string()) {
    wrong_json(source, path, "a text", value);
  }
  return value.get<std::string>();
}

double number_at(const json& value, const std::string& source, const std::string& path) {
  if (!value.is_number() || !(std::abs(value.get<double>()) <= kMaxFigure)) {
    wrong_json(source, path, fmt::format("a number up to {}", kMaxFigure), value);
  }
  return value.get<double>();
}

std::optional<std::string> optional_string(const json& object, const std::string& source,
                                           const std::string& path, const std::string& name) {
  const json& value = field_of(object, source, path, name);
  return value.is_null() ? std::nullopt
                         : std::optional(string_at(value, source, engine::detail::member(path, name)));
}

std::optional<double> optional_number(const json& object, const std::string& source, const std::string& path,
                                      const std::string& name) {
  const json& value = field_of(object, source, path, name);
  return value.is_null() ? std::nullopt
                         : std::optional(number_at(value, source, engine::detail::member(path, name)));
}

}  // namespace reprise::harness::detail
