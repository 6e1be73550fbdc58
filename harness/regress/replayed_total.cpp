#include "harness/regress/replayed_total.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/core/check.h"
#include "harness/stats/outliers.h"

namespace reprise::harness {
namespace {

/// For each cluster, what its total would be were each of its calls, in turn, as typical as the one replayed:
/// the cluster's ratio of logged to modelled seconds over the call's.
std::vector<std::vector<double>> factors_of(const LoggedCalls& log, const Selection& selection) {
  const std::size_t k = selection.representatives.size();
  std::vector<std::vector<double>> ratios(k);
  std::vector<std::vector<double>> modelled(k);
  for (std::size_t i = 0; i < log.seconds.size(); ++i) {
    const double cost = selection.model.seconds(log.lengths[i]);
    if (cost > 0 && log.seconds[i] > 0) {
      ratios[selection.cluster[i]].push_back(log.seconds[i] / cost);
      modelled[selection.cluster[i]].push_back(cost);
    }
  }
  for (std::size_t c = 0; c < k; ++c) {
    if (ratios[c].empty()) {
      ratios[c] = {1};
      continue;
    }
    const Interval fences = tukey_fences(ratios[c]);
    double seconds = 0;
    double cost = 0;
    for (std::size_t i = 0; i < ratios[c].size(); ++i) {
      ratios[c][i] = std::clamp(ratios[c][i], fences.low, fences.high);
      seconds += ratios[c][i] * modelled[c][i];
      cost += modelled[c][i];
    }
    for (double& ratio : ratios[c]) {
      ratio = seconds / cost / ratio;
    }
  }
  return ratios;
}

}  // namespace

Prediction predict_from_replays(const LoggedCalls& log, const Selection& selection,
                                std::span<const ReplayedCall> replays, const BootstrapOptions& bootstrap) {
  REPRISE_CHECK(replays.size() == selection.representatives.size());
  const std::vector<std::vector<double>> factors = factors_of(log, selection);
  const double total = std::accumulate(log.seconds.begin(), log.seconds.end(), 0.0);
  Prediction prediction;
  std::vector<ScatteredTerm> terms;
  for (std::size_t c = 0; c < replays.size(); ++c) {
    const Representative& r = selection.representatives[c];
    prediction.total_seconds += r.weight * replays[c].seconds;
    const double most = static_cast<double>(replays[c].samples.size());
    const auto n_draws = static_cast<std::size_t>(std::clamp(std::round(replays[c].n_effective), 1.0, most));
    terms.push_back({r.weight / total, replays[c].samples, n_draws, factors[c]});
  }
  prediction.difference = prediction.total_seconds / total - 1;
  const Interval ratio = bootstrap_sum_of_medians_ci(terms, bootstrap);
  prediction.ci = {ratio.low - 1, ratio.high - 1};
  return prediction;
}

}  // namespace reprise::harness
