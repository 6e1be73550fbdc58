/// Profiles a replay: cost centres of one call, made in runs of their own, and what profiling itself cost.
/// Used by tools/cli for profile and bench, and run by run for replays in a child process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "harness/clock/hardware_counters.h"
#include "harness/profile/cost_profile.h"
#include "harness/profile/timeline.h"
#include "harness/replay/engine_replay.h"
#include "harness/stats/interval.h"

namespace reprise::harness {

/// One run, seen from inside.
struct ObservedRun {
  Seconds wall_seconds = 0;
  CostProfileBuilder builder;
  std::int64_t n_operations = 0;          ///< each with its place in a record
  std::optional<Timeline> timeline = {};  ///< absent when it was not asked for, or of too many events
};

/// Restores, then runs once. The replay must have been verified.
/// Errors: mismatch when the backend told of fewer or more operations than it performed: a profile that lost
/// some would put their time down to something else.
ObservedRun observe_run(EngineReplay& replay, bool with_timeline = false);

/// What profiling costs: of pairs of a profiled run and a plain one, taken in turns.
struct ProfileOverhead {
  double fraction = 0;         ///< of the plain run's wall time: the median over pairs
  std::optional<Interval> ci;  ///< at 95 %, valid at any number of pairs; absent when they are too few
};

/// What the processor counted in one plain run.
struct HardwareProfile {
  std::optional<HardwareCounts> counts;
  std::string why_not;  ///< nothing was counted; "" where it was
};

struct ReplayProfile {
  CostProfile profile;  ///< of the run whose wall time is the median
  ProfileOverhead overhead;
  std::int64_t n_operations = 0;          ///< of that run, each with its record
  std::optional<Timeline> timeline = {};  ///< of that run
  HardwareProfile hardware = {};          ///< of a plain run after them
};

struct ProfileOptions {
  int n_runs = 5;  ///< pairs, at least 1
  bool with_timeline = false;
};

/// Runs plainly and observed in turns, plain first and observed first by turns, after one run that is thrown
/// away. The replay must have been verified. Shares are of the ceilings for as many threads as the replay's.
/// Errors: those of observe_run.
ReplayProfile profile_replay(EngineReplay& replay, const std::optional<Roofline>& roofline,
                             const ProfileOptions& options = {});

}  // namespace reprise::harness
