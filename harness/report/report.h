/// The report: everything that a measurement found, as one value. JSON (report_json.h), console tables
/// (console.h) and Markdown (markdown.h) are printers of it; none of them computes. Field names and nesting
/// are those of the published schema, specs/schema/report.schema.json, which also gives the units.
///
/// An optional field is one that may not be known; it is written as null and may be missing when read.
/// Used by tools/cli, which fills it through assemble.h, and by regress, which compares two.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backends/placement_fields.h"
#include "engine/core/build_info.h"
#include "harness/clock/machine.h"
#include "harness/measure/stopping_rule.h"
#include "harness/profile/cost_profile.h"
#include "harness/replay/replay_info.h"
#include "harness/replay/verification.h"
#include "harness/stats/bootstrap.h"

namespace reprise::harness {

inline constexpr std::string_view kReportSchema = "reprise.report/1";

/// The build that measured.
using ToolInfo = engine::BuildInfo;

/// Where the call ran.
using PlacementInfo = engine::PlacementFields;

enum class Better { lower, higher };

/// One figure of a row, over its samples.
struct Metric {
  std::string unit;
  Better better = Better::lower;
  double value = 0;
  std::optional<Interval> ci;  ///< absent when there are too few samples for one
  double confidence = 0.95;
  std::int64_t n = 0;  ///< samples
  std::optional<double> lag1_autocorrelation;
};

/// Every verified run, raw and in order.
struct RawSamples {
  std::vector<double> total_seconds;
  std::vector<std::vector<double>> token_seconds;  ///< as Sample::token_seconds
  std::vector<double> warmup_total_seconds;        ///< dropped runs; the first is the cold one
};

/// The very first run of a row, apart from all figures.
struct ColdRun {
  double total_seconds = 0;
  double time_to_first_token_seconds = 0;
};

/// One capture at one placement.
struct Row {
  CaptureInfo capture;
  PlacementInfo placement;
  Verification verification;
  std::map<std::string, Metric>
      metrics;  ///< by name (metric_definitions.h); one that has no meaning is not there
  RawSamples samples;
  std::optional<ColdRun> cold;
  StopReason stop = StopReason::failed;
  std::vector<CostCentre> cost_centres;  ///< empty when the row was not profiled
  std::optional<double> unattributed_seconds;
  std::optional<MemoryUse> memory;
};

enum class ComparisonVerdict { regression, improvement, equivalent, inconclusive };

/// Row `b` against row `a`.
struct Comparison {
  std::int64_t a = 0;  ///< indices into Report::rows
  std::int64_t b = 0;
  std::string metric;
  double median_ratio = 1;  ///< b over a
  std::optional<Interval> ci;
  ComparisonVerdict verdict = ComparisonVerdict::inconclusive;
  std::int64_t pairs = 0;
  std::optional<double> minimum_detectable_effect;
};

struct Report {
  std::string created;  ///< UTC, ISO 8601: "2026-01-31T12:00:00Z"
  ToolInfo tool;
  Machine machine;
  std::vector<Row> rows;
  std::vector<Comparison> comparisons;
};

}  // namespace reprise::harness
