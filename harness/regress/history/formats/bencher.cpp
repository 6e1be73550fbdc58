#include "harness/regress/history/formats/bencher.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "engine/io/json_archive.h"
#include "engine/io/printable.h"
#include "harness/regress/history/formats/json_input.h"

namespace reprise::harness {
namespace {

using engine::printable;
using engine::detail::member;
using nlohmann::json;
using nlohmann::ordered_json;

std::string unit_of(const std::string& measure) {
  return measure == "latency" ? "ns" : measure == "throughput" ? "ops/s" : "";
}

ForeignPoint point_of(const json& metric, const std::string& source, const std::string& path) {
  ForeignPoint point;
  point.value =
      detail::number_at(detail::field_of(metric, source, path, "value"), source, member(path, "value"));
  const auto low = detail::optional_number(metric, source, path, "lower_value");
  const auto high = detail::optional_number(metric, source, path, "upper_value");
  if (low && high) {
    if (*low > *high) {
      detail::wrong_json(source, member(path, "lower_value"), "at most upper_value", *low);
    }
    point.ci = Interval{*low, *high};
  }
  return point;
}

}  // namespace

ForeignReport read_bencher(std::string_view text, const std::string& source, Better better) {
  const json document = detail::parse_foreign_json(text, source);
  if (!document.is_object()) {
    detail::wrong_json(source, "", "an object of benchmarks", document);
  }
  ForeignReport report;
  for (const auto& [name, measures] : document.items()) {
    if (!measures.is_object()) {
      detail::wrong_json(source, printable(name), "an object of measures", measures);
    }
    for (const auto& [measure, metric] : measures.items()) {
      ForeignPoint point = point_of(metric, source, member(printable(name), printable(measure)));
      point.name = name;
      point.metric = measure;
      point.unit = unit_of(measure);
      point.better = direction_of(measure, better);
      report.points.push_back(point);
    }
  }
  return report;
}

std::string write_bencher(const ForeignReport& report) {
  ordered_json document = ordered_json::object();
  for (const ForeignPoint& point : report.points) {
    ordered_json& metric = document[point.name][point.metric];
    metric["value"] = point.value;
    if (point.ci) {
      metric["lower_value"] = point.ci->low;
      metric["upper_value"] = point.ci->high;
    }
  }
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace reprise::harness
