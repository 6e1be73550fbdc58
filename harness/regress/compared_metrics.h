/// The metrics that comparisons are of, and the quantity of a run that each follows from. Used by
/// paired_report.h, stored_reports.h and the gate.
#pragma once

#include <algorithm>
#include <cmath>
#include <string_view>

#include "harness/measure/paired.h"
#include "harness/report/metric_definitions.h"
#include "harness/stats/interval.h"

namespace reprise::harness {

struct ComparedMetric {
  Quantity quantity;
  std::string_view name;
  bool is_rate;

  /// The metric's ratio, where that of seconds has this logarithm: a rate's is the inverse.
  [[nodiscard]] double ratio(double log_ratio_of_seconds) const {
    return std::exp(is_rate ? -log_ratio_of_seconds : log_ratio_of_seconds);
  }
  [[nodiscard]] Interval ratio(const Interval& log_ratio_of_seconds) const {
    const double ends[] = {ratio(log_ratio_of_seconds.low), ratio(log_ratio_of_seconds.high)};
    return {std::min(ends[0], ends[1]), std::max(ends[0], ends[1])};
  }
};

inline constexpr ComparedMetric kComparedMetrics[] = {
    {Quantity::total, kTotalSeconds, false},
    {Quantity::first_token, kTimeToFirstTokenSeconds, false},
    {Quantity::later_tokens, kDecodeTokensPerSecond, true}};

}  // namespace reprise::harness
