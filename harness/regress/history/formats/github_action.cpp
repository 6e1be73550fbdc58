#include "harness/regress/history/formats/github_action.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "engine/core/error.h"
#include "engine/io/json_archive.h"
#include "engine/io/printable.h"
#include "harness/regress/history/formats/json_input.h"

namespace reprise::harness {
namespace {

using engine::detail::element;
using engine::detail::member;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kMetric = "value";

/// Half the width of the interval that a range's text means.
std::optional<double> half_width(std::string_view range, double value) {
  for (const std::string_view sign : {"±", "+/-", "+-"}) {
    if (range.starts_with(sign)) {
      range.remove_prefix(sign.size());
      break;
    }
  }
  range.remove_prefix(std::min(range.find_first_not_of(' '), range.size()));
  double width = 0;
  const auto [end, error] = std::from_chars(range.data(), range.data() + range.size(), width);
  std::string_view rest = range.substr(static_cast<std::size_t>(end - range.data()));
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  if (error != std::errc() || !(width >= 0 && width <= kMaxFigure) || (!rest.empty() && rest != "%")) {
    return std::nullopt;
  }
  return rest == "%" ? width / 100 * std::abs(value) : width;
}

std::optional<Interval> interval_at(const json& range, double value) {
  std::optional<double> width;
  if (range.is_string()) {
    width = half_width(range.get<std::string>(), value);
  } else if (range.is_number()) {
    width = half_width(range.dump(), value);
  }
  const bool fits = width && std::abs(value) + *width <= kMaxFigure;
  return fits ? std::optional(Interval{value - *width, value + *width}) : std::nullopt;
}

}  // namespace

ForeignReport read_github_action(std::string_view text, const std::string& source, Better better) {
  const json document = detail::parse_foreign_json(text, source);
  if (!document.is_array()) {
    detail::wrong_json(source, "", "an array of benchmarks", document);
  }
  ForeignReport report;
  std::set<std::string> names;
  for (std::size_t i = 0; i < document.size(); ++i) {
    const json& entry = document[i];
    const std::string path = element("", i);
    ForeignPoint point;
    point.name =
        detail::string_at(detail::field_of(entry, source, path, "name"), source, member(path, "name"));
    point.metric = kMetric;
    point.unit =
        detail::string_at(detail::field_of(entry, source, path, "unit"), source, member(path, "unit"));
    point.better = better;
    point.value =
        detail::number_at(detail::field_of(entry, source, path, "value"), source, member(path, "value"));
    point.ci = interval_at(detail::field_of(entry, source, path, "range"), point.value);
    if (!names.insert(point.name).second) {
      fail(ErrorCode::invalid_data, "{}: {}: expected each name once, found '{}' again", source,
           member(path, "name"), engine::printable(point.name));
    }
    report.points.push_back(point);
  }
  return report;
}

ForeignFile write_github_action(const ForeignReport& report, Better better) {
  std::size_t left_out = 0;
  ordered_json entries = ordered_json::array();
  for (const ForeignPoint& point : report.points) {
    if (point.better != better) {
      ++left_out;
      continue;
    }
    ordered_json entry;
    entry["name"] = point.metric == kMetric ? point.name : point.name + "/" + point.metric;
    entry["unit"] = point.unit;
    entry["value"] = point.value;
    if (point.ci) {
      entry["range"] =
          fmt::format("± {}", std::max(point.ci->high - point.value, point.value - point.ci->low));
    }
    if (point.n > 0) {
      entry["extra"] = fmt::format("{} samples", point.n);
    }
    entries.push_back(std::move(entry));
  }
  return {entries.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n", left_out};
}

}  // namespace reprise::harness
