#include "harness/stats/median_sequence.h"

#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <vector>

#include "engine/core/check.h"

namespace reprise::harness {
namespace {

/// The mixture's a. Smaller gives intervals earlier, larger narrower ones later; at 2 they are within 3 % of
/// the narrowest choice from 10 samples to 1,000.
constexpr double kPrior = 2;

double log_beta(double a, double b) {
  return boost::math::lgamma(a) + boost::math::lgamma(b) - boost::math::lgamma(a + b);
}

double p_of(std::size_t k, std::size_t n, double inflation) {
  const auto below = static_cast<double>(k);
  const auto above = static_cast<double>(n - k);
  if (below >= above) {
    return 1;
  }
  return std::min(1.0, std::exp(-log_sign_mixture(below / inflation, (below + above) / inflation)));
}

}  // namespace

double log_sign_mixture(double k, double n) {
  REPRISE_CHECK(k >= 0 && k <= n);
  return n * std::log(2.0) + log_beta(k + kPrior, n - k + kPrior) - log_beta(kPrior, kPrior);
}

std::size_t median_order_statistic(std::size_t n, double confidence, double inflation) {
  REPRISE_CHECK(confidence > 0 && confidence < 1 && inflation >= 1);
  const double bound = -std::log1p(-confidence);  // log(1 / alpha)
  const auto total = static_cast<double>(n) / inflation;
  const auto rejects = [&](std::size_t k) {
    return log_sign_mixture(static_cast<double>(k) / inflation, total) >= bound;
  };
  // The mixture falls until k is half of n, where it rejects nothing.
  std::size_t low = 0;
  std::size_t high = n / 2;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (rejects(middle)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::optional<Interval> median_confidence_interval(std::span<const double> samples, double confidence,
                                                   double inflation) {
  const std::size_t order = median_order_statistic(samples.size(), confidence, inflation);
  if (order == 0) {
    return std::nullopt;
  }
  std::vector<double> values(samples.begin(), samples.end());
  const auto low = values.begin() + static_cast<std::ptrdiff_t>(order - 1);
  const auto high = values.end() - static_cast<std::ptrdiff_t>(order);
  std::nth_element(values.begin(), low, values.end());
  std::nth_element(low + 1, high, values.end());
  return Interval{*low, *high};
}

double p_median_at_most(std::span<const double> samples, double bound, double inflation) {
  const auto k = std::count_if(samples.begin(), samples.end(), [&](double x) { return x <= bound; });
  return p_of(static_cast<std::size_t>(k), samples.size(), inflation);
}

double p_median_at_least(std::span<const double> samples, double bound, double inflation) {
  const auto k = std::count_if(samples.begin(), samples.end(), [&](double x) { return x >= bound; });
  return p_of(static_cast<std::size_t>(k), samples.size(), inflation);
}

std::size_t min_samples_for_median_interval(double confidence) {
  std::size_t n = 1;
  while (median_order_statistic(n, confidence) == 0) {
    ++n;
  }
  return n;
}

}  // namespace reprise::harness
