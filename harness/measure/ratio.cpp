#include "harness/measure/ratio.h"

#include <algorithm>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "engine/core/check.h"
#include "harness/stats/dependence.h"
#include "harness/stats/median_sequence.h"
#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

constexpr double kPowerQuantile = 0.8416;  // of the normal distribution at 0.8

struct Spread {
  double half_width;  ///< of the interval to be expected
  double standard_error;
};

/// Dependence within each process, weighed by its pairs.
double inflation_of(std::span<const std::vector<double>> by_process, std::size_t n_pairs) {
  double effective = 0;
  for (const std::vector<double>& pairs : by_process) {
    effective += pairs.empty() ? 0 : effective_sample_size(pairs);
  }
  return std::max(static_cast<double>(n_pairs) / effective, 1.0);
}

/// Of the confidence sequence over `n` pairs, whose interval is `ci`. In ranks, its half width is n/2 - l and
/// a standard error sqrt(n)/2; both are as far apart in seconds.
Spread spread_within(const Interval& ci, std::size_t n, double confidence, double inflation) {
  const double order = static_cast<double>(median_order_statistic(n, confidence, inflation));
  const double total = static_cast<double>(n) / inflation;
  const double half_width = (ci.high - ci.low) / 2;
  const double ranks = std::max(total / 2 - order / inflation, 0.5);
  return {half_width, half_width * std::sqrt(total) / 2 / ranks};
}

/// The smallest change that lies beyond the band, whole interval and all, in four cases of five.
double effect_seen_with(const Spread& spread, double band) {
  return std::expm1(band + spread.half_width + kPowerQuantile * spread.standard_error);
}

/// The processes' medians as a sample of their own.
class BetweenProcesses {
 public:
  explicit BetweenProcesses(std::span<const std::vector<double>> by_process) {
    for (const std::vector<double>& pairs : by_process) {
      if (!pairs.empty()) {
        medians_.push_back(median(pairs));
      }
    }
  }
  [[nodiscard]] bool exists() const { return medians_.size() >= 2; }
  [[nodiscard]] Interval interval(double confidence) const {
    const double reach = boost::math::quantile(distribution(), 0.5 + confidence / 2) * standard_error();
    return {mean(medians_) - reach, mean(medians_) + reach};
  }
  /// Of "the mean is at most `bound`".
  [[nodiscard]] double p_at_most(double bound) const {
    const double error = standard_error();
    if (error == 0) {
      return mean(medians_) > bound ? 0 : 1;
    }
    return boost::math::cdf(boost::math::complement(distribution(), (mean(medians_) - bound) / error));
  }
  [[nodiscard]] double p_at_least(double bound) const {
    const double error = standard_error();
    if (error == 0) {
      return mean(medians_) < bound ? 0 : 1;
    }
    return boost::math::cdf(distribution(), (mean(medians_) - bound) / error);
  }
  /// How many times as far apart as these the next processes may be in four cases of five: few processes say
  /// little about how far apart others are.
  [[nodiscard]] double spread_of_next() const {
    const auto degrees = static_cast<double>(medians_.size() - 1);
    return std::sqrt(boost::math::quantile(boost::math::fisher_f(degrees, degrees), 0.8));
  }
  [[nodiscard]] double standard_error() const {
    return std::sqrt(variance(medians_) / static_cast<double>(medians_.size()));
  }

 private:
  [[nodiscard]] boost::math::students_t distribution() const {
    return boost::math::students_t(static_cast<double>(medians_.size() - 1));
  }
  std::vector<double> medians_;
};

}  // namespace

std::string_view name_of(ComparisonVerdict verdict) {
  switch (verdict) {
    case ComparisonVerdict::regression:
      return "regression";
    case ComparisonVerdict::improvement:
      return "improvement";
    case ComparisonVerdict::equivalent:
      return "equivalent";
    case ComparisonVerdict::inconclusive:
      return "inconclusive";
  }
  REPRISE_CHECK(false);
}

RatioEstimate estimate_ratio(std::span<const std::vector<double>> by_process, const RatioOptions& options) {
  std::vector<double> pairs;
  for (const std::vector<double>& process : by_process) {
    pairs.insert(pairs.end(), process.begin(), process.end());
  }
  REPRISE_CHECK(!pairs.empty());
  const double inflation = inflation_of(by_process, pairs.size());
  const double band = std::log1p(options.band);
  RatioEstimate estimate;
  estimate.log_ratio = median(pairs);
  estimate.n_pairs = pairs.size();
  estimate.n_effective = static_cast<double>(pairs.size()) / inflation;
  estimate.ci = median_confidence_interval(pairs, options.confidence, inflation);
  estimate.p_not_slower = p_median_at_most(pairs, band, inflation);
  estimate.p_not_faster = p_median_at_least(pairs, -band, inflation);
  if (!estimate.ci) {
    return estimate;
  }
  Spread spread = spread_within(*estimate.ci, pairs.size(), options.confidence, inflation);
  const BetweenProcesses between(by_process);
  if (between.exists()) {
    // A p-value of two sides, as the interval is.
    estimate.p_not_slower = std::max(estimate.p_not_slower, std::min(1.0, 2 * between.p_at_most(band)));
    estimate.p_not_faster = std::max(estimate.p_not_faster, std::min(1.0, 2 * between.p_at_least(-band)));
    const Interval wider = between.interval(options.confidence);
    if (wider.high - wider.low > estimate.ci->high - estimate.ci->low) {
      estimate.ci = wider;
      spread = {(wider.high - wider.low) / 2 * between.spread_of_next(), between.standard_error()};
    }
  }
  estimate.minimum_detectable_effect = effect_seen_with(spread, band);
  return estimate;
}

std::optional<double> minimum_detectable_effect(std::span<const double> log_ratios, std::size_t n_pairs,
                                                const RatioOptions& options) {
  if (log_ratios.empty()) {
    return std::nullopt;
  }
  const double inflation =
      std::max(static_cast<double>(log_ratios.size()) / effective_sample_size(log_ratios), 1.0);
  const std::size_t order = median_order_statistic(n_pairs, options.confidence, inflation);
  if (order == 0 || median_order_statistic(log_ratios.size(), options.confidence, inflation) == 0) {
    return std::nullopt;
  }
  // The l-th of n pairs lies where the same share of these does.
  const double share = static_cast<double>(order - 1) / static_cast<double>(n_pairs - 1);
  const Interval ci{quantile(log_ratios, share), quantile(log_ratios, 1 - share)};
  return effect_seen_with(spread_within(ci, n_pairs, options.confidence, inflation),
                          std::log1p(options.band));
}

ComparisonVerdict verdict_of(const Interval& log_ratio, double band) {
  const double edge = std::log1p(band);
  if (log_ratio.low > edge) {
    return ComparisonVerdict::regression;
  }
  if (log_ratio.high < -edge) {
    return ComparisonVerdict::improvement;
  }
  return log_ratio.low >= -edge && log_ratio.high <= edge ? ComparisonVerdict::equivalent
                                                          : ComparisonVerdict::inconclusive;
}

ComparisonVerdict verdict_of(const RatioEstimate& estimate, const RatioOptions& options) {
  return estimate.ci && estimate.n_pairs >= options.min_pairs ? verdict_of(*estimate.ci, options.band)
                                                              : ComparisonVerdict::inconclusive;
}

}  // namespace reprise::harness
