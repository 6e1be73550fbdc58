#include "harness/profile/profile_replay.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "harness/clock/roofline.h"
#include "harness/profile/call_recorder.h"
#include "harness/stats/dependence.h"
#include "harness/stats/median_sequence.h"
#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

Seconds run_plainly(EngineReplay& replay) {
  replay.restore();
  return replay.run().total_seconds;
}

ProfileOverhead overhead_of(std::span<const double> log_ratios) {
  constexpr double kConfidence = 0.95;
  const auto ci = median_confidence_interval(log_ratios, kConfidence, sign_variance_inflation(log_ratios));
  return {std::expm1(median(log_ratios)),
          ci ? std::optional(Interval{std::expm1(ci->low), std::expm1(ci->high)}) : std::nullopt};
}

/// Opened when the backend's threads are there.
HardwareProfile count_hardware(EngineReplay& replay) {
  HardwareCounters counters;
  if (!counters.why_not().empty()) {
    return {std::nullopt, counters.why_not()};
  }
  replay.restore();
  counters.start();
  replay.run_unobserved();
  const std::optional<HardwareCounts> counts = counters.stop();
  return {counts, counts ? "" : "the processor's counters were taken by others"};
}

}  // namespace

ObservedRun observe_run(EngineReplay& replay, bool with_timeline) {
  CallRecorder recorder(with_timeline);
  replay.restore();
  const std::int64_t before = replay.n_dispatches();
  const engine::GenerateResult result = replay.run_observed(recorder, recorder);
  const std::int64_t n_dispatches = replay.n_dispatches() - before;
  if (recorder.n_operations() != n_dispatches) {
    fail(ErrorCode::mismatch, "profile: expected a record of each of {} operations, found {}", n_dispatches,
         recorder.n_operations());
  }
  return {result.total_seconds, recorder.builder(), n_dispatches, std::move(recorder).timeline()};
}

ReplayProfile profile_replay(EngineReplay& replay, const std::optional<Roofline>& roofline,
                             const ProfileOptions& options) {
  REPRISE_CHECK(options.n_runs >= 1);
  run_plainly(replay);
  std::vector<double> log_ratios;
  std::vector<ObservedRun> observed;
  for (int i = 0; i < options.n_runs; ++i) {
    const bool plain_first = i % 2 == 0;
    Seconds plain = plain_first ? run_plainly(replay) : 0;
    observed.push_back(observe_run(replay, options.with_timeline));
    plain = plain_first ? plain : run_plainly(replay);
    log_ratios.push_back(std::log(observed.back().wall_seconds / plain));
  }
  std::sort(observed.begin(), observed.end(),
            [](const ObservedRun& a, const ObservedRun& b) { return a.wall_seconds < b.wall_seconds; });
  ObservedRun& typical = observed[observed.size() / 2];
  // The roofline is the processor's: of a GPU's nothing is known here.
  const bool comparable = roofline && memory_of(replay.placement()) == "host";
  return {typical.builder.build(
              typical.wall_seconds,
              comparable ? std::optional(roofline_for(*roofline, replay.placement().threads)) : std::nullopt),
          overhead_of(log_ratios), typical.n_operations, std::move(typical.timeline), count_hardware(replay)};
}

}  // namespace reprise::harness
