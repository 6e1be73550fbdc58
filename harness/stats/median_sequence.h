/// Confidence sequences for a median: intervals that cover it with the stated probability *at every number of
/// samples at once*, so that one may look after each sample and stop when one likes what one sees. Nothing is
/// assumed about the samples' distribution; ties are allowed. Pure functions. Used by measure and regress.
///
/// Method. Of independent samples, those at or below the median m are as likely as those above it. For a
/// candidate m with k of n samples at or below it, the beta-binomial mixture
///   M_n(k) = 2^n B(k + a, n - k + a) / B(a, a)
/// is a martingale that starts at 1 if m is the median, so it ever reaches 1/alpha with probability alpha at
/// most (Ville). The interval holds the candidates for which it has not: from the l-th least to the l-th
/// greatest sample, l the least k with M_n(k) < 1/alpha. Tied samples count on the side that keeps m.
///
/// Samples that depend on each other tell less than their number: n and k are divided by the factor by which
/// dependence inflates the variance of k (dependence.h). That is an approximation where the rest is exact;
/// harness/README.md has its measured coverage.
///
/// Source: Howard & Ramdas 2022, "Sequential estimation of quantiles with applications to A/B testing and
///         best-arm identification", Bernoulli 28(3), arXiv:1906.09712; the mixture: Robbins 1970,
///         "Statistical methods related to the law of the iterated logarithm", Ann. Math. Statist. 41(5).
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "harness/stats/interval.h"

namespace reprise::harness {

/// Natural logarithm of M_n(k). n of at least 0, k in [0, n]; they need not be whole.
double log_sign_mixture(double k, double n);

/// The l above, for `n` samples worth n / inflation independent ones: 0 when there is no interval of this
/// confidence yet. Confidence in (0, 1); inflation of at least 1.
std::size_t median_order_statistic(std::size_t n, double confidence, double inflation = 1);

/// The interval of the median of samples in any order; absent while median_order_statistic() is 0.
std::optional<Interval> median_confidence_interval(std::span<const double> samples, double confidence,
                                                   double inflation = 1);

/// How surprising these samples are if their median is at most `bound`: an anytime-valid p-value, 1 where at
/// least half of them are at or below it. It is below 1 - confidence exactly when the interval lies above
/// `bound`.
double p_median_at_most(std::span<const double> samples, double bound, double inflation = 1);
/// The same for a median of at least `bound`.
double p_median_at_least(std::span<const double> samples, double bound, double inflation = 1);

/// The fewest independent samples from which an interval of this confidence exists: 12 for 0.99.
std::size_t min_samples_for_median_interval(double confidence);

}  // namespace reprise::harness
