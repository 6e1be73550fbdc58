/// Profiles a replay: cost centres of one call, made in runs of their own, and what profiling itself cost.
/// Used by tools/cli for profile and bench, and run by run for replays in a child process.
#pragma once

#include <cstdint>
#include <optional>

#include "harness/profile/cost_profile.h"
#include "harness/replay/engine_replay.h"

namespace reprise::harness {

/// One run, seen from inside.
struct ObservedRun {
  Seconds wall_seconds = 0;
  CostProfileBuilder builder;
  std::int64_t n_records = 0;     ///< operations that the records account for
  std::int64_t n_dispatches = 0;  ///< operations the backend counted: the same, or records were lost
};

/// Restores, then runs once. The replay must have been verified.
ObservedRun observe_run(EngineReplay& replay);

struct ReplayProfile {
  CostProfile profile;  ///< of the run whose wall time is the median
  /// Median wall time of the profiled runs over that of plain ones taken in turn with them, less 1.
  double overhead = 0;
  std::int64_t n_records = 0;  ///< of that run, as are the dispatches (ObservedRun)
  std::int64_t n_dispatches = 0;
};

/// Runs plainly and observed in turn, `n_runs` times each, after one run that is thrown away. `n_runs` >= 1.
/// The replay must have been verified. Shares are of the ceilings for as many threads as the replay's.
ReplayProfile profile_replay(EngineReplay& replay, const std::optional<Roofline>& roofline, int n_runs = 5);

}  // namespace reprise::harness
