/// When to stop measuring. A rule is a pure function of what was seen so far, so one rule serves many rows at
/// once and tests need no clock. Other rules (detected warm-up, anytime-valid intervals) are other
/// implementations of the same interface. Used by the sampling loop in measure.h.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "harness/clock/clock.h"

namespace reprise::harness {

enum class StopReason {
  converged,  ///< the interval of the median reached its target width
  budget,     ///< time ran out first: not converged
  max_runs,   ///< the number of runs ran out first: not converged
  failed,     ///< a run's outputs did not verify: no figure of the row is reported
};

/// "converged", "budget", "max_runs", "failed".
std::string_view name_of(StopReason reason);

/// Empty: go on.
using Decision = std::optional<StopReason>;

class StoppingRule {
 public:
  virtual ~StoppingRule() = default;

  /// How many leading runs are warm-up, given the total seconds of all runs so far, in order. At least 1: the
  /// cold run is always kept apart.
  [[nodiscard]] virtual std::size_t warmup_runs(std::span<const Seconds> runs) const = 0;

  /// Asked after every run. `samples`: total seconds of the verified runs after the warm-up, in order,
  /// perhaps none; `elapsed`: time spent on this row so far, with restoring and warm-up.
  [[nodiscard]] virtual Decision consider(std::span<const Seconds> samples, Seconds elapsed) const = 0;
};

struct AdaptiveMedianOptions {
  std::size_t warmup_runs = 2;
  std::size_t min_runs = 10;
  Seconds min_seconds = 0.5;        ///< of timed runs together
  double target_half_width = 0.01;  ///< relative to the median
  double confidence = 0.95;
  Seconds budget_seconds = 30;  ///< at least one sample is taken, however long the warm-up took
  std::size_t max_runs = 10'000;
};

/// Stops when the bootstrap interval of the median lies within +-target_half_width of it, after at least
/// min_runs and min_seconds.
///
/// Looking at the interval after every run would stop on a lucky streak more often than `confidence` allows,
/// so the rule looks on a geometric grid only: at min_runs, then each time the number of samples has grown by
/// a tenth. That lowers the excess without removing it; `converged` is a stopping reason, not a guarantee of
/// coverage.
class AdaptiveMedianRule final : public StoppingRule {
 public:
  /// Errors: Error invalid_argument naming the option that is out of range.
  explicit AdaptiveMedianRule(const AdaptiveMedianOptions& options = {});

  [[nodiscard]] std::size_t warmup_runs(std::span<const Seconds> runs) const override;
  [[nodiscard]] Decision consider(std::span<const Seconds> samples, Seconds elapsed) const override;

 private:
  [[nodiscard]] bool is_look(std::size_t n_samples) const;
  [[nodiscard]] bool is_tight(std::span<const Seconds> samples) const;

  AdaptiveMedianOptions options_;
};

}  // namespace reprise::harness
