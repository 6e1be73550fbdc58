/// Which runs of a row count, and in what portions. Pure functions. Used by the stopping rule, the sampling
/// loop and report.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "harness/clock/clock.h"
#include "harness/stats/interval.h"

namespace reprise::harness {

/// Short runs are taken together in blocks of at least this long: neighbours are within one tick of the
/// system's scheduler, and tell little more than one of them.
inline constexpr Seconds kBlockSeconds = 0.05;

struct SteadyPart {
  std::size_t warmup_runs = 1;  ///< dropped at the beginning; the cold run always
  /// Odd, so that the median of block medians is that of runs: a block's median lies at or below the median
  /// of independent runs as often as above.
  std::size_t runs_per_block = 1;
  bool found = true;  ///< false: the runs never settle, and warmup_runs is the least
  double trend = 0;   ///< of the steady part (stats/warmup.h), in standard errors

  /// Whether the figure may be trusted: runs without a trend pass two looks in three and wait for the next at
  /// the others; those that still move get ever farther from passing.
  [[nodiscard]] bool is_settled() const { return found && std::abs(trend) <= 1; }
  /// Whether the runs certainly move: in one of a hundred that do not, by chance.
  [[nodiscard]] bool is_moving() const { return !found || std::abs(trend) > 2.58; }
};

/// `runs`: total seconds of all runs in order, the cold one first; at least that one. At least `min_warmup`
/// of them are warm-up, at least 1.
SteadyPart find_steady_part(std::span<const Seconds> runs, std::size_t min_warmup = 1);

/// The median of each whole block of `values`, one value a run after the warm-up, in order.
std::vector<double> block_medians(std::span<const double> values, std::size_t runs_per_block);

/// The same, or the median of all where there is less than a block: at least one value in, at least one out.
std::vector<double> block_medians_or_median(std::span<const double> values, std::size_t runs_per_block);

/// What blocks tell about the median of runs, valid however often it is asked for.
struct MedianEstimate {
  double value = 0;            ///< the median of the blocks
  std::optional<Interval> ci;  ///< absent while there are too few
  std::size_t n_blocks = 0;
  double n_effective = 0;  ///< independent blocks that would tell as much
};

/// At least one block.
MedianEstimate estimate_median(std::span<const double> blocks, double confidence);

}  // namespace reprise::harness
