/// How far a row is from being done, for progress lines: an estimate, on which nothing rests.
#pragma once

#include <optional>
#include <span>

#include "harness/clock/clock.h"
#include "harness/measure/stopping_rule.h"

namespace reprise::harness {

struct Outlook {
  Seconds median = 0;                ///< of the runs so far that count
  std::optional<double> half_width;  ///< of its interval, relative; absent while there are too few
  Seconds left_seconds = 0;          ///< until the row stops: at most what is left of the budget
};

/// The width of an interval goes with the inverse root of the number of runs. `runs`: total seconds in order,
/// the cold one first; at least that one. `elapsed`: as StoppingRule's.
Outlook outlook(std::span<const Seconds> runs, Seconds elapsed, const MedianRuleOptions& options);

}  // namespace reprise::harness
