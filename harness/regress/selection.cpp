#include "harness/regress/selection.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/core/check.h"
#include "harness/stats/k_medoids.h"

namespace reprise::harness {
namespace {

/// Seconds of each term but the constant one, and what the model leaves.
constexpr std::size_t kFeatures = kCostTerms;

std::vector<double> features_of(const LoggedCalls& log, const CallCostModel& model) {
  std::vector<double> features;
  features.reserve(log.lengths.size() * kFeatures);
  for (std::size_t i = 0; i < log.lengths.size(); ++i) {
    const CostTerms seconds = model.contributions(log.lengths[i]);
    features.insert(features.end(), seconds.begin() + 1, seconds.end());
    features.push_back(log.seconds[i] - std::accumulate(seconds.begin(), seconds.end(), 0.0));
  }
  return features;
}

/// The eligible call of each cluster that is next to its mean.
std::vector<std::size_t> nearest_to_means(std::span<const double> features, const Medoids& clusters,
                                          const std::vector<bool>& eligible) {
  const std::size_t k = clusters.medoids.size();
  std::vector<double> means(k * kFeatures);
  std::vector<double> sizes(k);
  for (std::size_t i = 0; i < clusters.cluster.size(); ++i) {
    const std::size_t c = clusters.cluster[i];
    ++sizes[c];
    for (std::size_t f = 0; f < kFeatures; ++f) {
      means[c * kFeatures + f] += features[i * kFeatures + f];
    }
  }
  std::vector<std::size_t> nearest = clusters.medoids;
  std::vector<double> least(k, std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < clusters.cluster.size(); ++i) {
    const std::size_t c = clusters.cluster[i];
    double distance = 0;
    for (std::size_t f = 0; f < kFeatures; ++f) {
      distance += std::abs(features[i * kFeatures + f] - means[c * kFeatures + f] / sizes[c]);
    }
    if (eligible[i] && distance < least[c]) {
      least[c] = distance;
      nearest[c] = i;
    }
  }
  return nearest;
}

Selection weighted(const LoggedCalls& log, const CallCostModel& model, const std::vector<std::size_t>& calls,
                   const std::vector<std::size_t>& cluster) {
  std::vector<Representative> found(calls.size());
  std::vector<double> cost(calls.size());
  double total = 0;
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    Representative& r = found[cluster[i]];
    ++r.n_calls;
    r.share += log.seconds[i];
    cost[cluster[i]] += model.seconds(log.lengths[i]);
    total += log.seconds[i];
  }
  for (std::size_t c = 0; c < calls.size(); ++c) {
    const double own = model.seconds(log.lengths[calls[c]]);
    found[c].call = calls[c];
    found[c].weight = own > 0 ? cost[c] / own : static_cast<double>(found[c].n_calls);
    found[c].share /= total;
  }
  std::vector<std::size_t> order(calls.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return found[a].share != found[b].share ? found[a].share > found[b].share : calls[a] < calls[b];
  });
  std::vector<std::size_t> place(calls.size());
  Selection selection{model, {}, cluster};
  for (std::size_t i = 0; i < order.size(); ++i) {
    selection.representatives.push_back(found[order[i]]);
    place[order[i]] = i;
  }
  for (std::size_t& c : selection.cluster) {
    c = place[c];
  }
  return selection;
}

}  // namespace

Selection select_calls(const LoggedCalls& log, const std::vector<bool>& eligible,
                       const SelectionOptions& options) {
  REPRISE_CHECK(log.lengths.size() == eligible.size());
  const CallCostModel model = fit_call_cost(log.lengths, log.seconds);
  const std::vector<double> features = features_of(log, model);
  const Medoids clusters = k_medoids(features, kFeatures, eligible, {.k = options.k, .seed = options.seed});
  return weighted(log, model, nearest_to_means(features, clusters, eligible), clusters.cluster);
}

Selection selection_of(const LoggedCalls& log, const std::vector<std::size_t>& calls) {
  const CallCostModel model = fit_call_cost(log.lengths, log.seconds);
  const Medoids clusters = clusters_of(features_of(log, model), kFeatures, calls);
  return weighted(log, model, clusters.medoids, clusters.cluster);
}

Prediction predict_total(const LoggedCalls& log, const Selection& selection, std::span<const double> seconds,
                         const BootstrapOptions& bootstrap) {
  REPRISE_CHECK(seconds.size() == selection.representatives.size());
  std::vector<double> factors;  // predicted over modelled seconds, of each cluster
  for (std::size_t c = 0; c < seconds.size(); ++c) {
    const double own = selection.model.seconds(log.lengths[selection.representatives[c].call]);
    factors.push_back(own > 0 ? seconds[c] / own : 0);
  }
  std::vector<double> predicted(log.seconds.size());
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    const std::size_t c = selection.cluster[i];
    predicted[i] = factors[c] > 0 ? factors[c] * selection.model.seconds(log.lengths[i]) : seconds[c];
  }
  const double total = std::accumulate(log.seconds.begin(), log.seconds.end(), 0.0);
  Prediction prediction;
  prediction.total_seconds = std::accumulate(predicted.begin(), predicted.end(), 0.0);
  prediction.difference = prediction.total_seconds / total - 1;
  const Interval ratio = bootstrap_ratio_ci(predicted, log.seconds, bootstrap);
  prediction.ci = {ratio.low - 1, ratio.high - 1};
  return prediction;
}

std::vector<double> logged_seconds(const LoggedCalls& log, const Selection& selection) {
  std::vector<double> seconds;
  for (const Representative& r : selection.representatives) {
    seconds.push_back(log.seconds[r.call]);
  }
  return seconds;
}

}  // namespace reprise::harness
