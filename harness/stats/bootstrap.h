/// Bootstrap intervals: how far a statistic of these samples could be from the truth, read off resamples of
/// them.
///
/// They assume exchangeable samples, and one look: a rule that looks after every run and stops when it likes
/// what it sees covers less than it says (measure/stopping_rule.h says what is done about it). Deterministic:
/// the resamples are a function of the seed (Philox), the same on every machine. Used by measure and report.
///
/// Source: Efron 1979, "Bootstrap methods: another look at the jackknife", Ann. Statist. 7(1); the percentile
///         interval: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace reprise::harness {

struct Interval {
  double low = 0;
  double high = 0;

  bool operator==(const Interval&) const = default;
};

struct BootstrapOptions {
  double confidence = 0.95;  ///< in (0, 1)
  int resamples =
      2000;  ///< enough for the ends of a 95 % interval to move by less than its tenth between seeds
  std::uint64_t seed = 0;
};

/// The fewest independent samples from which any interval of the median can have this confidence: the
/// interval from the least to the greatest of n samples covers the median with probability 1 - 2^(1-n). 6 for
/// 0.95. Below it bootstrap intervals are narrower than what they claim, and are not to be shown.
std::size_t min_samples_for_median_interval(double confidence);

/// Percentile interval of the median. At least 1 sample; of one sample or equal ones it is a point.
/// Cost: resamples * n random words.
Interval bootstrap_median_ci(std::span<const double> samples, const BootstrapOptions& options = {});

/// Percentile intervals of quantiles of values that come in clusters (the token intervals of one run resemble
/// each other): whole clusters are resampled and their values pooled.
///   clusters: at least one, with at least one value among them all; ps: ascending, each in [0, 1]
/// Returns one interval for each p. Cost: resamples * number of values.
/// Source: Davison & Hinkley 1997, "Bootstrap Methods and their Application", section 3.8.
std::vector<Interval> bootstrap_pooled_quantile_cis(std::span<const std::span<const double>> clusters,
                                                    std::span<const double> ps,
                                                    const BootstrapOptions& options = {});

}  // namespace reprise::harness
