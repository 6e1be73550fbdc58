#include "harness/stats/k_medoids.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/core/check.h"
#include "engine/core/philox.h"

namespace reprise::harness {
namespace {

constexpr int kMostRounds = 100;
/// Points next to a cluster's median of which the best is taken: the nearest need not be it.
constexpr std::size_t kCandidates = 8;

class Clustering {
 public:
  Clustering(std::span<const double> points, std::size_t n_features, const std::vector<bool>& eligible)
      : points_(points), n_features_(n_features), eligible_(eligible), n_(points.size() / n_features) {}

  Medoids from_start(const MedoidOptions& options, int start) {
    draw_medoids(options, start);
    assign();
    for (int round = 0; round < kMostRounds && improve(); ++round) {
      assign();
    }
    return {medoids_, cluster_, total_};
  }

  Medoids of(std::vector<std::size_t> medoids) {
    medoids_ = std::move(medoids);
    assign();
    return {medoids_, cluster_, total_};
  }

 private:
  [[nodiscard]] std::span<const double> point(std::size_t i) const {
    return points_.subspan(i * n_features_, n_features_);
  }
  [[nodiscard]] static double distance(std::span<const double> a, std::span<const double> b) {
    double sum = 0;
    for (std::size_t f = 0; f < a.size(); ++f) {
      sum += std::abs(a[f] - b[f]);
    }
    return sum;
  }

  /// The first uniformly, each further one with a probability that is proportional to its distance to those
  /// before.
  void draw_medoids(const MedoidOptions& options, int start) {
    std::vector<std::size_t> candidates;
    for (std::size_t i = 0; i < n_; ++i) {
      if (eligible_[i]) {
        candidates.push_back(i);
      }
    }
    std::vector<double> nearest(candidates.size(), 1);
    medoids_.clear();
    for (std::uint32_t drawn = 0; drawn < options.k; ++drawn) {
      double sum = 0;
      for (const double d : nearest) {
        sum += d;
      }
      if (!(sum > 0)) {
        break;  // every candidate lies on a medoid
      }
      const auto words = engine::philox4x32_10({drawn, static_cast<std::uint32_t>(start), 0, 0},
                                               engine::philox_key(options.seed));
      double rest = engine::uniform_f64(words[0], words[1]) * sum;
      std::size_t at = 0;
      while (at + 1 < candidates.size() && rest >= nearest[at]) {
        rest -= nearest[at++];
      }
      while (nearest[at] == 0) {  // rounding ran past the last one with any distance
        --at;
      }
      const std::size_t medoid = candidates[at];
      for (std::size_t c = 0; c < candidates.size(); ++c) {
        const double d = distance(point(candidates[c]), point(medoid));
        nearest[c] = medoids_.empty() ? d : std::min(nearest[c], d);
      }
      medoids_.push_back(medoid);
    }
  }

  void assign() {
    std::sort(medoids_.begin(), medoids_.end());
    cluster_.assign(n_, 0);
    total_ = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      double best = std::numeric_limits<double>::infinity();
      for (std::size_t m = 0; m < medoids_.size(); ++m) {
        const double d = distance(point(i), point(medoids_[m]));
        if (d < best) {
          best = d;
          cluster_[i] = m;
        }
      }
      total_ += best;
    }
  }

  /// Moves each medoid to a better point of its cluster; whether any moved.
  bool improve() {
    std::vector<std::vector<std::size_t>> members(medoids_.size());
    for (std::size_t i = 0; i < n_; ++i) {
      members[cluster_[i]].push_back(i);
    }
    bool moved = false;
    for (std::size_t m = 0; m < medoids_.size(); ++m) {
      double best = cost(members[m], medoids_[m]);
      for (const std::size_t candidate : nearest_to_median(members[m])) {
        const double with = cost(members[m], candidate);
        if (with < best) {
          best = with;
          medoids_[m] = candidate;
          moved = true;
        }
      }
    }
    return moved;
  }

  [[nodiscard]] double cost(const std::vector<std::size_t>& members, std::size_t medoid) const {
    double sum = 0;
    for (const std::size_t i : members) {
      sum += distance(point(i), point(medoid));
    }
    return sum;
  }

  [[nodiscard]] std::vector<std::size_t> nearest_to_median(const std::vector<std::size_t>& members) const {
    std::vector<double> median(n_features_);
    std::vector<double> values(members.size());
    for (std::size_t f = 0; f < n_features_; ++f) {
      for (std::size_t i = 0; i < members.size(); ++i) {
        values[i] = point(members[i])[f];
      }
      const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
      std::nth_element(values.begin(), middle, values.end());
      median[f] = *middle;
    }
    std::vector<std::pair<double, std::size_t>> ranked;
    for (const std::size_t i : members) {
      if (eligible_[i]) {
        ranked.emplace_back(distance(point(i), median), i);
      }
    }
    const std::size_t n = std::min(kCandidates, ranked.size());
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(n), ranked.end());
    std::vector<std::size_t> nearest;
    for (std::size_t i = 0; i < n; ++i) {
      nearest.push_back(ranked[i].second);
    }
    return nearest;
  }

  std::span<const double> points_;
  std::size_t n_features_;
  const std::vector<bool>& eligible_;
  std::size_t n_;
  std::vector<std::size_t> medoids_;
  std::vector<std::size_t> cluster_;
  double total_ = 0;
};

}  // namespace

Medoids k_medoids(std::span<const double> points, std::size_t n_features, const std::vector<bool>& eligible,
                  const MedoidOptions& options) {
  REPRISE_CHECK(n_features > 0 && points.size() == n_features * eligible.size());
  REPRISE_CHECK(options.k > 0 && options.starts > 0);
  REPRISE_CHECK(std::find(eligible.begin(), eligible.end(), true) != eligible.end());
  Clustering clustering(points, n_features, eligible);
  Medoids best;
  for (int start = 0; start < options.starts; ++start) {
    Medoids found = clustering.from_start(options, start);
    if (start == 0 || found.total_distance < best.total_distance) {
      best = std::move(found);
    }
  }
  return best;
}

Medoids clusters_of(std::span<const double> points, std::size_t n_features,
                    std::vector<std::size_t> medoids) {
  REPRISE_CHECK(n_features > 0 && points.size() % n_features == 0 && !medoids.empty());
  const std::vector<bool> all(points.size() / n_features, true);
  return Clustering(points, n_features, all).of(std::move(medoids));
}

}  // namespace reprise::harness
