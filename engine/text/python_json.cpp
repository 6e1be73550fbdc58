#include "engine/text/python_json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace reprise::engine {
namespace {

using Json = nlohmann::ordered_json;

/// Python's repr: the shortest digits that give the number back, with an exponent below 1e-4 and from 1e16.
std::string python_float(double value) {
  if (!std::isfinite(value)) {
    return std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  }
  std::array<char, 40> buffer{};
  const double size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format);
  std::string text(buffer.data(), written.ptr);
  if (plain && text.find('.') == std::string::npos) {
    text += ".0";
  }
  return text;
}

void append(std::string& out, const Json& value) {
  if (value.is_object() || value.is_array()) {
    const bool object = value.is_object();
    out += object ? '{' : '[';
    bool first = true;
    for (const auto& [key, element] : value.items()) {
      out += first ? "" : ", ";
      first = false;
      if (object) {
        out += Json(key).dump(-1, ' ', false, Json::error_handler_t::replace) + ": ";
      }
      append(out, element);
    }
    out += object ? '}' : ']';
  } else if (value.is_number_float()) {
    out += python_float(value.get<double>());
  } else {
    out += value.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

}  // namespace

std::string to_python_json(const Json& value) {
  std::string out;
  append(out, value);
  return out;
}

}  // namespace reprise::engine
