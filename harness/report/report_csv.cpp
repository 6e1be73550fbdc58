#include "harness/report/report_csv.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <vector>

#include "engine/io/csv.h"
#include "harness/report/console.h"

namespace reprise::harness {
namespace {

using Fields = std::vector<std::string>;

/// The shortest text that reads as the same number.
std::string number(double value) {
  return fmt::format("{}", value);
}
std::string number(const std::optional<double>& value) {
  return value ? number(*value) : "";
}

void add_interval(Fields& fields, const std::optional<Interval>& ci) {
  fields.push_back(ci ? number(ci->low) : "");
  fields.push_back(ci ? number(ci->high) : "");
}

std::string_view name_of(OutputVerdict verdict) {
  switch (verdict) {
    case OutputVerdict::identical:
      return "identical";
    case OutputVerdict::same_tokens:
      return "same_tokens";
    case OutputVerdict::within_tolerance:
      return "within_tolerance";
    case OutputVerdict::differs:
      break;
  }
  return "differs";
}

void add_placement(Fields& fields, const Row& row) {
  const PlacementInfo& p = row.placement;
  fields.insert(fields.end(),
                {row.capture.name, row.capture.model.name, p.backend, p.isa, p.precision,
                 p.kv_cache ? "on" : "off", p.kv_precision, fmt::format("{}", p.threads), p.numerics});
}

const Fields kPlacement = {"capture",  "model",        "backend", "isa",     "precision",
                           "kv_cache", "kv_precision", "threads", "numerics"};

std::string rows_csv(const Report& report) {
  std::set<std::string> metrics;
  for (const Row& row : report.rows) {
    for (const auto& [name, metric] : row.metrics) {
      metrics.insert(name);
    }
  }
  Fields header = kPlacement;
  header.emplace_back("outputs");
  for (const std::string& name : metrics) {
    header.insert(header.end(), {name, name + "_low", name + "_high"});
  }
  header.insert(header.end(), {"runs", "stop"});
  std::string text = engine::csv_line(header);
  for (const Row& row : report.rows) {
    Fields fields;
    add_placement(fields, row);
    fields.emplace_back(name_of(row.verification.verdict));
    for (const std::string& name : metrics) {
      const auto found = row.metrics.find(name);
      const bool known = found != row.metrics.end();
      fields.push_back(known ? number(found->second.value) : "");
      add_interval(fields, known ? found->second.ci : std::nullopt);
    }
    fields.push_back(fmt::format("{}", row.samples.total_seconds.size()));
    fields.emplace_back(harness::name_of(row.stop));
    text += engine::csv_line(fields);
  }
  return text;
}

std::string comparisons_csv(const Report& report) {
  Fields header = kPlacement;  // of b
  header.insert(header.end(), {"metric", "verdict", "ratio", "ratio_low", "ratio_high", "pairs",
                               "minimum_detectable_effect", "paired"});
  std::string text = engine::csv_line(header);
  for (const Comparison& comparison : report.comparisons) {
    Fields fields;
    add_placement(fields, report.rows.at(static_cast<std::size_t>(comparison.b)));
    fields.insert(fields.end(), {comparison.metric, std::string(harness::name_of(comparison.verdict)),
                                 number(comparison.median_ratio)});
    add_interval(fields, comparison.ci);
    fields.insert(fields.end(),
                  {fmt::format("{}", comparison.pairs), number(comparison.minimum_detectable_effect),
                   comparison.paired ? "yes" : "no"});
    text += engine::csv_line(fields);
  }
  return text;
}

std::string centres_csv(const Row& row) {
  std::string text =
      engine::csv_line({"phase", "kernel", "calls", "seconds", "bytes", "flops", "roofline_fraction"});
  for (const CostCentre& centre : row.cost_centres) {
    text += engine::csv_line({centre.phase, centre.name, fmt::format("{}", centre.calls),
                              number(centre.seconds), fmt::format("{}", centre.bytes),
                              fmt::format("{}", centre.flops), number(centre.roofline_fraction)});
  }
  return text + engine::csv_line({"", "unattributed", "", number(*row.unattributed_seconds), "", "", ""});
}

}  // namespace

std::string report_csv(const Report& report) {
  if (is_profile(report)) {
    return centres_csv(report.rows.front());
  }
  return report.comparisons.empty() ? rows_csv(report) : comparisons_csv(report);
}

}  // namespace reprise::harness
