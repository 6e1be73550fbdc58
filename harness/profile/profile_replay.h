/// Profiles a replay: cost centres of one call, made in runs of their own, and what profiling itself cost.
/// Used by tools/cli for profile and bench.
#pragma once

#include <optional>

#include "harness/profile/cost_profile.h"
#include "harness/replay/engine_replay.h"

namespace reprise::harness {

struct ReplayProfile {
  CostProfile profile;  ///< of the run whose wall time is the median
  /// Median wall time of the profiled runs over that of plain ones taken in turn with them, less 1.
  double overhead = 0;
  std::int64_t n_records = 0;     ///< operations that the records of that run account for
  std::int64_t n_dispatches = 0;  ///< operations the backend counted in it: the same, or records were lost
};

/// Runs plainly and observed in turn, `n_runs` times each, after one run that is thrown away. `n_runs` >= 1.
/// The replay must have been verified. Shares are of the ceilings for as many threads as the replay's.
ReplayProfile profile_replay(EngineReplay& replay, const std::optional<Roofline>& roofline, int n_runs = 5);

}  // namespace reprise::harness
