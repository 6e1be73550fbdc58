#include "harness/stats/summary.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "engine/core/check.h"

namespace reprise::harness {

double mean(std::span<const double> samples) {
  REPRISE_CHECK(!samples.empty());
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

double variance(std::span<const double> samples) {
  REPRISE_CHECK(samples.size() >= 2);
  const double m = mean(samples);
  double squares = 0;
  for (const double x : samples) {
    squares += (x - m) * (x - m);
  }
  return squares / static_cast<double>(samples.size() - 1);
}

double quantile_of_sorted(std::span<const double> ascending, double p) {
  REPRISE_CHECK(!ascending.empty() && p >= 0 && p <= 1);
  const double position = static_cast<double>(ascending.size() - 1) * p;
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  const double weight = position - static_cast<double>(below);
  return ascending[below] + weight * (ascending[above] - ascending[below]);
}

double quantile(std::span<const double> samples, double p) {
  std::vector<double> ascending(samples.begin(), samples.end());
  std::sort(ascending.begin(), ascending.end());
  return quantile_of_sorted(ascending, p);
}

double median(std::span<const double> samples) {
  REPRISE_CHECK(!samples.empty());
  std::vector<double> values(samples.begin(), samples.end());
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) {
    return *middle;
  }
  const double lower = *std::max_element(values.begin(), middle);
  return lower + (*middle - lower) / 2;
}

double median_absolute_deviation(std::span<const double> samples) {
  const double middle = median(samples);
  std::vector<double> deviations(samples.begin(), samples.end());
  for (double& x : deviations) {
    x = std::abs(x - middle);
  }
  return median(deviations);
}

std::optional<double> lag1_autocorrelation(std::span<const double> samples) {
  if (samples.size() < 3) {
    return std::nullopt;
  }
  const double m = mean(samples);
  double squares = 0;
  double products = 0;
  for (std::size_t t = 0; t < samples.size(); ++t) {
    squares += (samples[t] - m) * (samples[t] - m);
    if (t + 1 < samples.size()) {
      products += (samples[t] - m) * (samples[t + 1] - m);
    }
  }
  // Equal samples need not have an exact mean: ask for their range, not for the squares to be 0.
  const auto [least, most] = std::minmax_element(samples.begin(), samples.end());
  if (*least == *most || squares == 0) {
    return std::nullopt;
  }
  return products / squares;
}

}  // namespace reprise::harness
