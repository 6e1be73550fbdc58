#include "harness/stats/outliers.h"

#include <algorithm>

#include "harness/stats/summary.h"

namespace reprise::harness {

Interval tukey_fences(std::span<const double> samples) {
  std::vector<double> ascending(samples.begin(), samples.end());
  std::sort(ascending.begin(), ascending.end());
  const double low = quantile_of_sorted(ascending, 0.25);
  const double high = quantile_of_sorted(ascending, 0.75);
  const double reach = 1.5 * (high - low);
  return {low - reach, high + reach};
}

std::vector<std::size_t> outliers(std::span<const double> samples) {
  std::vector<std::size_t> found;
  if (samples.empty()) {
    return found;
  }
  const Interval fences = tukey_fences(samples);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i] < fences.low || samples[i] > fences.high) {
      found.push_back(i);
    }
  }
  return found;
}

}  // namespace reprise::harness
