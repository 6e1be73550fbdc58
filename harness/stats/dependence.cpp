#include "harness/stats/dependence.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

/// +1 above the median, -1 below, 0 at it; less their mean.
std::vector<double> signs_about_median(std::span<const double> samples) {
  const double middle = median(samples);
  std::vector<double> signs;
  signs.reserve(samples.size());
  for (const double x : samples) {
    signs.push_back(x > middle ? 1 : (x < middle ? -1 : 0));
  }
  const double m = mean(signs);
  for (double& sign : signs) {
    sign -= m;
  }
  return signs;
}

double product_at_lag(const std::vector<double>& signs, std::size_t lag) {
  double sum = 0;
  for (std::size_t i = 0; i + lag < signs.size(); ++i) {
    sum += signs[i] * signs[i + lag];
  }
  return sum;
}

}  // namespace

double sign_variance_inflation(std::span<const double> samples) {
  if (samples.size() < 4) {
    return 1;
  }
  const std::vector<double> signs = signs_about_median(samples);
  const double variance = product_at_lag(signs, 0);
  if (variance == 0) {
    return 1;  // all equal: the median is known whatever the dependence
  }
  double inflation = -1;
  double previous = 2;
  for (std::size_t lag = 0; lag + 1 < signs.size(); lag += 2) {
    const double pair = (product_at_lag(signs, lag) + product_at_lag(signs, lag + 1)) / variance;
    if (pair <= 0) {
      break;
    }
    previous = std::min(previous, pair);
    inflation += 2 * previous;
  }
  return std::max(inflation, 1.0);
}

double effective_sample_size(std::span<const double> samples) {
  return static_cast<double>(samples.size()) / sign_variance_inflation(samples);
}

}  // namespace reprise::harness
