/// What the slow runs of a row met that its ordinary runs did not: the causes to which an outlier can be put
/// down. A pure function of samples; outliers are counted and explained, never removed. Used by report.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "harness/replay/sample.h"
#include "harness/stats/interval.h"

namespace reprise::harness {

/// Of clock/run_conditions.h.
enum class OutlierCause : std::uint8_t {
  major_page_faults,
  minor_page_faults,
  involuntary_switches,
  voluntary_switches,
  steal,        ///< the hypervisor took processor time
  lower_clock,  ///< the processor's clock frequency was lower
};

/// How often a cause was met. One that ordinary runs meet as often explains nothing.
struct CauseCount {
  OutlierCause cause = OutlierCause::major_page_faults;
  std::int64_t outliers = 0;  ///< slow outliers that met it
  std::int64_t others = 0;    ///< runs within the fences that met it
};

struct OutlierSummary {
  Interval fences;        ///< total seconds, by tukey_fences()
  std::int64_t runs = 0;  ///< all of them
  std::int64_t slow = 0;  ///< above the fences
  std::int64_t fast = 0;  ///< below; not looked into, for nothing that is watched makes a run fast
  /// Those that a slow outlier met, most first. One outlier may have met several.
  std::vector<CauseCount> causes;
  std::int64_t unexplained = 0;  ///< slow outliers that met none, or where nobody looked
};

/// Fewer runs have no quartiles worth the name.
inline constexpr std::size_t kFewestRunsForOutliers = 8;

/// A run meets a cause when its reading lies beyond the fences of the ordinary runs' readings: more page
/// faults than they have, say, not any at all. Absent for fewer than kFewestRunsForOutliers samples.
std::optional<OutlierSummary> explain_outliers(std::span<const Sample> samples);

}  // namespace reprise::harness
