/// The sampling loop: restores, runs and times calls until a rule says that the figure can be trusted. It
/// knows neither engines nor captures, only the two things a Runner can do. Used by tools/cli for replay and
/// bench.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "harness/clock/clock.h"
#include "harness/measure/steady_part.h"
#include "harness/measure/stopping_rule.h"
#include "harness/replay/runner.h"

namespace reprise::harness {

/// Everything that was seen of one row. Only verified runs are in here: a run that fails its check ends the
/// row with StopReason::failed and leaves no timing.
struct Measurement {
  std::vector<Sample> warmup;   ///< the first one is the cold run
  std::vector<Sample> samples;  ///< in the order they were taken
  SteadyPart steady;            ///< how runs were divided into the two, and samples into blocks
  StopReason reason = StopReason::failed;
  Seconds elapsed_seconds = 0;  ///< with restoring, verifying and warm-up

  [[nodiscard]] bool converged() const { return reason == StopReason::converged; }
};

/// Told after every run: the row, the total seconds of its runs so far, with warm-up, and the time spent on
/// it. For progress lines.
using Progress = std::function<void(std::size_t row, std::span<const Seconds> runs, Seconds elapsed)>;

/// Measures one row alone. What the runner throws passes through.
Measurement measure(Runner& runner, const StoppingRule& rule, Clock& clock, const Progress& progress = {});

/// Measures the rows of one matrix together, so that they share the machine's slow phases: in rounds, each
/// running every row that has not stopped once, in a random order of its own. The orders are a function of
/// `seed`. Returns one measurement for each runner, in their order.
std::vector<Measurement> measure_interleaved(std::span<Runner* const> runners, const StoppingRule& rule,
                                             Clock& clock, std::uint64_t seed, const Progress& progress = {});

}  // namespace reprise::harness
