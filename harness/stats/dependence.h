/// How much less samples tell than their number says, because each resembles the one before. Pure functions
/// of samples in the order they were taken. Used by measure and regress.
#pragma once

#include <span>

namespace reprise::harness {

/// The factor, at least 1, by which dependence inflates the variance of the number of samples at or below
/// their median, which is what intervals of the median rest on:
///   1 + 2 sum_k r_k,   r_k the autocorrelation at lag k of the signs of x - median
/// summed by pairs of lags (0 and 1, 2 and 3, ...) while a pair's sum is positive, no pair counting for more
/// than the one before. Signs see neither the size of outliers nor the distribution. 1 for fewer than 4
/// samples. Source: Geyer 1992, "Practical Markov chain Monte Carlo", Statist. Sci. 7(4), the initial
/// monotone sequence
///         estimator.
double sign_variance_inflation(std::span<const double> samples);

/// Independent samples that would tell as much about the median: n / sign_variance_inflation.
double effective_sample_size(std::span<const double> samples);

}  // namespace reprise::harness
