/// Bootstrap intervals: how far a statistic of these samples could be from the truth, read off resamples of
/// them.
///
/// They assume exchangeable clusters, and one look: for medians that decide when to stop there is
/// median_sequence.h. Deterministic: the resamples are a function of the seed (Philox), the same on every
/// machine. Used by report and regress.
///
/// Source: Efron 1979, "Bootstrap methods: another look at the jackknife", Ann. Statist. 7(1); the percentile
///         interval: Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/stats/interval.h"

namespace reprise::harness {

struct BootstrapOptions {
  double confidence = 0.95;  ///< in (0, 1)
  int resamples =
      2000;  ///< enough for the ends of a 95 % interval to move by less than its tenth between seeds
  std::uint64_t seed = 0;
};

/// Percentile intervals of quantiles of values that come in clusters (the token intervals of one run resemble
/// each other): whole clusters are resampled and their values pooled.
///   clusters: at least one, with at least one value among them all; ps: ascending, each in [0, 1]
/// Returns one interval for each p. Cost: resamples * number of values.
/// Source: Davison & Hinkley 1997, "Bootstrap Methods and their Application", section 3.8.
std::vector<Interval> bootstrap_pooled_quantile_cis(std::span<const std::span<const double>> clusters,
                                                    std::span<const double> ps,
                                                    const BootstrapOptions& options = {});

/// Percentile interval of a ratio of two sums, over resamples of pairs.
///   numerators, denominators: as many of both, at least one; denominators from 0, not all 0
/// Cost: resamples * number of pairs.
/// Source: Davison & Hinkley 1997, example 2.9 (the ratio of means, pairs resampled).
Interval bootstrap_ratio_ci(std::span<const double> numerators, std::span<const double> denominators,
                            const BootstrapOptions& options = {});

/// A term of a sum whose parts are known by samples.
struct ScatteredTerm {
  double weight = 1;
  std::span<const double> samples;  ///< at least one; their median is the term's value
  std::size_t n_draws = 1;          ///< independent samples that tell as much as these: at least one
  std::span<const double> factors;  ///< at least one; what the value may have to be multiplied with
};

/// Percentile interval of the sum over terms of weight * median * factor: each resample takes the median of
/// n_draws samples of each term, and one of its factors, all with replacement.
///   terms: at least one
/// Cost: resamples * number of draws.
Interval bootstrap_sum_of_medians_ci(std::span<const ScatteredTerm> terms,
                                     const BootstrapOptions& options = {});

}  // namespace reprise::harness
