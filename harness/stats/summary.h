/// Descriptive statistics of a span of samples: pure functions that never change their input. Samples are
/// finite. Not inference: intervals are in bootstrap.h. Used by measure, report and regress.
#pragma once

#include <optional>
#include <span>

namespace reprise::harness {

/// Arithmetic mean. At least 1 sample.
double mean(std::span<const double> samples);

/// Unbiased sample variance (divisor n - 1). At least 2 samples.
double variance(std::span<const double> samples);

/// The p-quantile, p in [0, 1], interpolated linearly between the order statistics around (n - 1) p.
/// At least 1 sample.
/// Source: type 7 of Hyndman & Fan 1996, "Sample quantiles in statistical packages"; the default of R and
/// NumPy.
double quantile(std::span<const double> samples, double p);

/// The same for samples that are in ascending order already, without a copy.
double quantile_of_sorted(std::span<const double> ascending, double p);

/// quantile(samples, 0.5): the mean of the middle two when n is even.
double median(std::span<const double> samples);

/// Median of the absolute deviations from the median, as it is: not scaled by 1.4826 to a normal's sigma.
/// At least 1 sample.
double median_absolute_deviation(std::span<const double> samples);

/// Correlation of each sample with the next in time order; near 0 when runs do not influence each other.
///   sum_t (x[t] - m)(x[t+1] - m) / sum_t (x[t] - m)^2,   m the mean
/// Absent for fewer than 3 samples, and when all are equal.
/// Source: Box & Jenkins 1970, "Time Series Analysis", estimator r_1.
std::optional<double> lag1_autocorrelation(std::span<const double> samples);

}  // namespace reprise::harness
