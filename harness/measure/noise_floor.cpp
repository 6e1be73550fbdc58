#include "harness/measure/noise_floor.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "harness/stats/summary.h"

namespace reprise::harness {

NoiseFloor measure_noise_floor(Runner& a, Runner& b, Seconds budget_seconds, Clock& clock,
                               const PairProgress& progress) {
  PairedOptions options;
  options.budget_seconds = budget_seconds;
  options.ratio.band = 0;  // nothing is equivalent: all of the budget is used
  const Seconds start = clock.now();
  const PairedSession session = measure_pairs(a, b, options, clock, {}, progress);
  const Seconds elapsed = clock.now() - start;
  const std::vector<double> ratios = log_ratios(session.pairs, Quantity::total);
  NoiseFloor noise;
  noise.pairs = std::ssize(ratios);
  if (ratios.empty()) {
    return noise;
  }
  noise.fraction = std::expm1(std::abs(median(ratios)));
  const double taken = static_cast<double>(session.warmup.size() + session.pairs.size());
  const double within = elapsed > 0 ? taken * kDetectableSeconds / elapsed : taken;
  RatioOptions comparing;
  comparing.band = std::max(comparing.band, *noise.fraction);
  noise.detectable_fraction = minimum_detectable_effect(
      ratios, static_cast<std::size_t>(std::min(within, static_cast<double>(options.max_pairs))), comparing);
  return noise;
}

}  // namespace reprise::harness
