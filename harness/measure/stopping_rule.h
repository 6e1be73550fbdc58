/// When to stop measuring. A rule is a pure function of what was seen so far, so one rule serves many rows at
/// once and tests need no clock. Used by the sampling loop in measure.h.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "harness/clock/clock.h"
#include "harness/measure/steady_part.h"

namespace reprise::harness {

enum class StopReason {
  converged,   ///< the interval of the median reached its target width
  budget,      ///< time ran out first: not converged
  max_runs,    ///< the number of runs ran out first: not converged
  not_steady,  ///< one of both ran out, and the runs had not settled: their median means little
  failed,      ///< a run's outputs did not verify: no figure of the row is reported
};

/// "converged", "budget", "max_runs", "not_steady", "failed".
std::string_view name_of(StopReason reason);

/// Empty: go on.
using Decision = std::optional<StopReason>;

class StoppingRule {
 public:
  virtual ~StoppingRule() = default;

  /// Which of the runs so far are samples. `runs`: total seconds of all verified runs in order, the cold one
  /// first; at least that one.
  [[nodiscard]] virtual SteadyPart steady_part(std::span<const Seconds> runs) const = 0;

  /// Asked after every run. `elapsed`: time spent on this row so far, with restoring.
  [[nodiscard]] virtual Decision consider(std::span<const Seconds> runs, Seconds elapsed) const = 0;
};

struct MedianRuleOptions {
  std::size_t warmup_runs = 1;      ///< dropped at least; more where the runs settle later
  std::size_t min_runs = 15;        ///< after the warm-up
  Seconds min_seconds = 0.5;        ///< of those runs together
  double target_half_width = 0.01;  ///< relative to the median
  double confidence = 0.95;
  Seconds budget_seconds = 30;  ///< at least one sample is taken, however long the cold run took
  std::size_t max_runs = 10'000;
};

/// Stops when the runs have settled (steady_part.h) and the confidence sequence of their median lies within
/// +-target_half_width of it, after at least min_runs and min_seconds. The interval stays valid however often
/// the rule looks; it looks after every run at first, then each time the runs have grown by a fiftieth, which
/// only saves work.
class MedianRule final : public StoppingRule {
 public:
  /// Errors: Error invalid_argument naming the option that is out of range.
  explicit MedianRule(const MedianRuleOptions& options = {});

  [[nodiscard]] SteadyPart steady_part(std::span<const Seconds> runs) const override;
  [[nodiscard]] Decision consider(std::span<const Seconds> runs, Seconds elapsed) const override;

 private:
  [[nodiscard]] bool is_tight(std::span<const Seconds> samples, std::size_t runs_per_block) const;

  MedianRuleOptions options_;
};

}  // namespace reprise::harness
