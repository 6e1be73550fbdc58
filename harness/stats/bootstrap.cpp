#include "harness/stats/bootstrap.h"

#include <algorithm>
#include <cmath>

#include "engine/core/check.h"
#include "engine/core/philox.h"
#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

/// The random numbers of one resample, in order: word i is a function of (seed, resample, i) alone.
class ResampleStream {
 public:
  ResampleStream(std::uint64_t seed, int resample)
      : key_(engine::philox_key(seed)), counter_{0, 0, static_cast<std::uint32_t>(resample), 0} {}

  /// Uniform in [0, n), n up to 2^32. Multiply and shift: the bias, below n / 2^32, is nothing beside the
  /// noise.
  std::size_t below(std::size_t n) {
    if (used_ == words_.size()) {
      words_ = engine::philox4x32_10(counter_, key_);
      ++counter_[0];
      used_ = 0;
    }
    return static_cast<std::size_t>((std::uint64_t{words_[used_++]} * n) >> 32);
  }

 private:
  engine::PhiloxKey key_;
  engine::PhiloxCounter counter_;
  engine::PhiloxCounter words_ = {};
  std::size_t used_ = words_.size();
};

void check_options(const BootstrapOptions& options) {
  REPRISE_CHECK(options.confidence > 0 && options.confidence < 1 && options.resamples >= 1);
}

Interval percentile_interval(std::vector<double>& statistics, double confidence) {
  std::sort(statistics.begin(), statistics.end());
  const double tail = (1 - confidence) / 2;
  return {quantile_of_sorted(statistics, tail), quantile_of_sorted(statistics, 1 - tail)};
}

struct PooledValue {
  double value;
  std::size_t cluster;
};

/// Walks ascending values that each stand `weights[cluster]` times, from the least up.
class WeightedCursor {
 public:
  WeightedCursor(std::span<const PooledValue> ascending, std::span<const std::size_t> weights)
      : ascending_(ascending), weights_(weights) {}

  /// The value of this rank, counted from 0; ranks must not fall from call to call.
  double at(std::size_t rank) {
    while (passed_ + weight() <= rank) {
      passed_ += weight();
      ++at_;
    }
    return ascending_[at_].value;
  }

 private:
  [[nodiscard]] std::size_t weight() const { return weights_[ascending_[at_].cluster]; }

  std::span<const PooledValue> ascending_;
  std::span<const std::size_t> weights_;
  std::size_t at_ = 0;
  std::size_t passed_ = 0;
};

/// The next quantile (type 7) of `total` values under the cursor; p must not fall from call to call.
double next_quantile(WeightedCursor& cursor, std::size_t total, double p) {
  const double position = static_cast<double>(total - 1) * p;
  const auto below = static_cast<std::size_t>(position);
  const double lower = cursor.at(below);
  WeightedCursor above = cursor;
  const double upper = below + 1 < total ? above.at(below + 1) : lower;
  return lower + (position - static_cast<double>(below)) * (upper - lower);
}

}  // namespace

std::vector<Interval> bootstrap_pooled_quantile_cis(std::span<const std::span<const double>> clusters,
                                                    std::span<const double> ps,
                                                    const BootstrapOptions& options) {
  check_options(options);
  std::vector<PooledValue> ascending;
  for (std::size_t cluster = 0; cluster < clusters.size(); ++cluster) {
    for (const double value : clusters[cluster]) {
      ascending.push_back({value, cluster});
    }
  }
  REPRISE_CHECK(!ascending.empty() && std::is_sorted(ps.begin(), ps.end()));
  REPRISE_CHECK(ps.empty() || (ps.front() >= 0 && ps.back() <= 1));
  std::sort(ascending.begin(), ascending.end(),
            [](const PooledValue& a, const PooledValue& b) { return a.value < b.value; });

  std::vector<std::vector<double>> statistics(ps.size());
  std::vector<std::size_t> weights(clusters.size());
  for (int resample = 0; resample < options.resamples; ++resample) {
    ResampleStream random(options.seed, resample);
    std::fill(weights.begin(), weights.end(), std::size_t{0});
    std::size_t total = 0;
    // Clusters may be empty: a resample of nothing but those is drawn on.
    for (std::size_t drawn = 0; drawn < clusters.size() || total == 0; ++drawn) {
      const std::size_t cluster = random.below(clusters.size());
      ++weights[cluster];
      total += clusters[cluster].size();
    }
    WeightedCursor cursor(ascending, weights);
    for (std::size_t i = 0; i < ps.size(); ++i) {
      statistics[i].push_back(next_quantile(cursor, total, ps[i]));
    }
  }
  std::vector<Interval> intervals;
  for (std::vector<double>& values : statistics) {
    intervals.push_back(percentile_interval(values, options.confidence));
  }
  return intervals;
}

Interval bootstrap_ratio_ci(std::span<const double> numerators, std::span<const double> denominators,
                            const BootstrapOptions& options) {
  check_options(options);
  REPRISE_CHECK(!numerators.empty() && numerators.size() == denominators.size());
  std::vector<double> ratios;
  for (int resample = 0; resample < options.resamples; ++resample) {
    ResampleStream random(options.seed, resample);
    double above = 0;
    double below = 0;
    // A resample of nothing but zeros is drawn on.
    for (std::size_t drawn = 0; drawn < numerators.size() || !(below > 0); ++drawn) {
      const std::size_t i = random.below(numerators.size());
      above += numerators[i];
      below += denominators[i];
    }
    ratios.push_back(above / below);
  }
  return percentile_interval(ratios, options.confidence);
}

Interval bootstrap_sum_of_medians_ci(std::span<const ScatteredTerm> terms, const BootstrapOptions& options) {
  check_options(options);
  REPRISE_CHECK(!terms.empty());
  for (const ScatteredTerm& term : terms) {
    REPRISE_CHECK(!term.samples.empty() && !term.factors.empty() && term.n_draws >= 1);
  }
  std::vector<double> sums;
  std::vector<double> drawn;
  for (int resample = 0; resample < options.resamples; ++resample) {
    ResampleStream random(options.seed, resample);
    double sum = 0;
    for (const ScatteredTerm& term : terms) {
      drawn.clear();
      for (std::size_t i = 0; i < term.n_draws; ++i) {
        drawn.push_back(term.samples[random.below(term.samples.size())]);
      }
      sum += term.weight * median(drawn) * term.factors[random.below(term.factors.size())];
    }
    sums.push_back(sum);
  }
  return percentile_interval(sums, options.confidence);
}

}  // namespace reprise::harness
