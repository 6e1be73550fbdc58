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
#include "harness/clock/hardware_counters.h"
#include "harness/clock/machine.h"
#include "harness/measure/outlier_causes.h"
#include "harness/measure/ratio.h"
#include "harness/measure/stopping_rule.h"
#include "harness/profile/cost_profile.h"
#include "harness/profile/timeline.h"
#include "harness/replay/replay_info.h"
#include "harness/replay/verification.h"
#include "harness/stats/interval.h"

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
  std::int64_t n = 0;  ///< samples: blocks of runs
  std::optional<double> lag1_autocorrelation;
  std::optional<double> n_effective;  ///< independent samples that would tell as much about the median
};

/// Every verified run, raw and in order.
struct RawSamples {
  std::vector<double> total_seconds;
  std::vector<std::vector<double>> token_seconds;  ///< as Sample::token_seconds
  std::vector<double> warmup_total_seconds;        ///< dropped runs; the first is the cold one
  std::int64_t runs_per_block = 1;  ///< whose median is one sample of a metric (measure/steady_part.h)
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
  std::optional<OutlierSummary> outliers = {};  ///< of the samples; absent when they are too few
  std::optional<ColdRun> cold;
  StopReason stop = StopReason::failed;
  std::vector<CostCentre> cost_centres;  ///< empty when the row was not profiled
  std::optional<double> unattributed_seconds;
  std::optional<Timeline> timeline = {};        ///< of the profiled run, where it was asked for
  std::optional<HardwareCounts> hardware = {};  ///< of one plain run; absent where nothing can be counted
  std::optional<MemoryUse> memory;
};

/// A change in seconds, of b less a.
struct SecondsChange {
  double seconds = 0;
  std::optional<Interval> ci;  ///< absent when there are too few pairs for one
};

/// Which part of a call changed: the first token, every later token alike, or later tokens the more, the more
/// positions they attend to. Medians over pairs.
struct TokenChange {
  SecondsChange prefill;       ///< of the time to first token
  SecondsChange per_token;     ///< of each later token, at the first of them
  SecondsChange per_position;  ///< more for each later token than for the one before
  std::int64_t n_later_tokens = 0;
};

/// How the time of one cost centre changed, from runs that were profiled in pairs.
struct CentreChange {
  std::string phase;
  std::string name;  ///< "unattributed" in no phase: the rest, so that all changes add up to the total
  double a_seconds = 0;
  double b_seconds = 0;
  double fraction = 0;  ///< of the change of the total
  /// That this centre did not change: anytime-valid, adjusted for the number of centres.
  double p_value = 1;
};

/// Row `b` against row `a`, in one metric.
struct Comparison {
  std::int64_t a = 0;  ///< indices into Report::rows
  std::int64_t b = 0;
  std::string metric;
  double median_ratio = 1;  ///< b over a
  std::optional<Interval> ci;
  ComparisonVerdict verdict = ComparisonVerdict::inconclusive;
  std::int64_t pairs = 0;
  std::optional<double> minimum_detectable_effect;
  std::optional<double> confidence = {};       ///< of ci
  std::optional<double> band = {};             ///< the relative change that does not matter
  std::optional<std::int64_t> processes = {};  ///< pairs of processes that the pairs come from
  std::optional<bool> confirmed = {};          ///< of a regression: seen again in fresh processes
  /// Of "b is neither slower nor faster than the band": anytime-valid, and below 1 - confidence where the
  /// verdict is one of both. Absent where the rows are not paired.
  std::optional<double> p_value = {};
  std::optional<double> adjusted_p_value = {};  ///< for all comparisons that are judged together, by Holm
  bool paired = true;                           ///< false: two reports, measured at different times
  std::optional<TokenChange> tokens = {};
  std::vector<CentreChange> centres = {};  ///< greatest change first; empty when nothing was profiled
};

struct Report {
  std::string created;  ///< UTC, ISO 8601: "2026-01-31T12:00:00Z"
  ToolInfo tool;
  Machine machine;
  std::vector<Row> rows;
  std::vector<Comparison> comparisons;
};

}  // namespace reprise::harness
