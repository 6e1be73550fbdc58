/// How many times as long one arm takes as the other, from runs taken in pairs, and what that means. Pure
/// functions. Used by the paired sampling loop, report and regress.
///
/// A log-ratio is the logarithm of b's seconds over a's in one pair: above 0, b is slower. Pairing cancels
/// what slows both, and the logarithm makes "twice" and "half" equally far from no change.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "harness/stats/interval.h"

namespace reprise::harness {

enum class ComparisonVerdict {
  regression,    ///< b is slower by more than the band
  improvement,   ///< b is faster by more than the band
  equivalent,    ///< whatever the change is, it lies within the band
  inconclusive,  ///< none of these is certain
};

/// "regression", "improvement", "equivalent", "inconclusive".
std::string_view name_of(ComparisonVerdict verdict);

struct RatioOptions {
  double confidence = 0.99;
  double band = 0.01;  ///< a relative change too small to matter: log-ratios within +-log(1 + band)
  /// Fewer can lie within one burst of a neighbour that hits one arm: of 12 pairs, 3 % did, of 20, 1 %.
  std::size_t min_pairs = 20;
};

/// What log-ratios tell about their median.
struct RatioEstimate {
  double log_ratio = 0;        ///< the median of all pairs
  std::optional<Interval> ci;  ///< of log_ratio, absent while there are too few pairs
  std::size_t n_pairs = 0;
  double n_effective = 0;  ///< independent pairs that would tell as much
  /// Anytime-valid p-values of "b is not slower than the band" and "b is not faster than the band": small
  /// where there is a change.
  double p_not_slower = 1;
  double p_not_faster = 1;
  /// The smallest slow-down, as a relative change, that pairs like these would have shown as a regression
  /// four times in five; absent without an interval.
  std::optional<double> minimum_detectable_effect;
};

/// `by_process`: the log-ratios of each pair of processes, in the order they were taken, without warm-up; not
/// all empty. With one process the interval is the confidence sequence of the median over its pairs. With
/// more, what differs from process to process (where memory came to lie, say) counts as well: the interval is
/// the wider one of that over all pairs and Student's t interval of the processes' medians. The latter holds
/// for one look; p-values are then the greater of both.
RatioEstimate estimate_ratio(std::span<const std::vector<double>> by_process, const RatioOptions& options);

/// The minimum detectable effect, as above, of `n_pairs` pairs of one process that are spread as these
/// log-ratios are; absent when either is too few for an interval.
std::optional<double> minimum_detectable_effect(std::span<const double> log_ratios, std::size_t n_pairs,
                                                const RatioOptions& options);

/// Of an interval of log-ratios.
ComparisonVerdict verdict_of(const Interval& log_ratio, double band);

/// The same of the estimate's; inconclusive below min_pairs.
ComparisonVerdict verdict_of(const RatioEstimate& estimate, const RatioOptions& options);

}  // namespace reprise::harness
