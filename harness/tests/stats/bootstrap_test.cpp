#include "harness/stats/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/core/philox.h"
#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

using Samples = std::vector<double>;

Samples uniform_samples(std::size_t n, std::uint32_t replicate) {
  Samples samples(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto words = engine::philox4x32_10({static_cast<std::uint32_t>(i), replicate, 0, 1}, {11, 13});
    samples[i] = engine::uniform_f64(words[0], words[1]);
  }
  return samples;
}

std::vector<std::span<const double>> spans(const std::vector<Samples>& clusters) {
  return {clusters.begin(), clusters.end()};
}

/// Each sample a cluster of its own: the plain bootstrap.
Interval median_ci(const Samples& samples, const BootstrapOptions& options) {
  std::vector<Samples> clusters;
  for (const double x : samples) {
    clusters.push_back({x});
  }
  const double ps[] = {0.5};
  return bootstrap_pooled_quantile_cis(spans(clusters), ps, options).at(0);
}

TEST(BootstrapPooledQuantileCis, OfClustersOfOneAgreesWithTheExactBootstrapDistribution) {
  // For odd n = 2 m + 1, the median of a resample is at most the k-th of n order statistics when at least m +
  // 1 of n draws are: P(Binomial(n, k / n) >= m + 1) (Efron 1979, section 3). n = 15, samples 1..15:
  //   k:              3        4        5        6       ...  9        10       11       12
  //   P(median <= k): 0.00424  0.02545  0.08823  0.21310 ...  0.78690  0.91177  0.97455  0.99576
  // The ends are the k where this first passes 1 %, 5 %, 10 % and 99 %, 95 %, 90 %. Every threshold is at
  // least 5 standard errors of 20,000 resamples away from the probabilities beside it.
  Samples samples;
  for (int i = 1; i <= 15; ++i) {
    samples.push_back((i * 7) % 15 + 1);  // 1..15, out of order
  }
  EXPECT_EQ(median_ci(samples, {0.98, 20'000, 1}), (Interval{4, 12}));
  EXPECT_EQ(median_ci(samples, {0.90, 20'000, 1}), (Interval{5, 11}));
  EXPECT_EQ(median_ci(samples, {0.80, 20'000, 1}), (Interval{6, 10}));
}

TEST(BootstrapPooledQuantileCis, CoversTheMedianAboutAsOftenAsItSays) {
  // 1,000 replicates of n = 30 uniforms: at a true coverage of 0.95 the count misses [0.92, 0.97] once in
  // 10,000; the percentile interval of the median is known to be within a point or two of it at this n.
  int covered = 0;
  for (std::uint32_t replicate = 0; replicate < 1000; ++replicate) {
    const Interval ci = median_ci(uniform_samples(30, replicate), {0.95, 400, replicate});
    covered += ci.low <= 0.5 && 0.5 <= ci.high ? 1 : 0;
  }
  EXPECT_GE(covered, 920);
  EXPECT_LE(covered, 970);
}

TEST(BootstrapPooledQuantileCis, DependsOnTheSeedAndOnNothingElse) {
  const Samples samples = uniform_samples(40, 5);
  const Interval first = median_ci(samples, {0.95, 500, 7});
  EXPECT_EQ(median_ci(samples, {0.95, 500, 7}), first);
  EXPECT_NE(median_ci(samples, {0.95, 500, 8}), first);
}

TEST(BootstrapPooledQuantileCis, NarrowsWithTheRootOfN) {
  const auto width = [](std::size_t n) {
    const Interval ci = median_ci(uniform_samples(n, 3), {});
    return ci.high - ci.low;
  };
  // A uniform's median has standard error 1 / (2 sqrt(n)): 3.92 of them are 0.098 wide at n = 400.
  EXPECT_NEAR(width(400), 0.098, 0.03);
  EXPECT_NEAR(width(1600), 0.049, 0.015);
}

TEST(BootstrapPooledQuantileCis, ResamplesWholeClusters) {
  // Two runs, each constant: a quarter of the resamples is all 1, a quarter all 2. Treating the 200 values as
  // independent would put the 5 % and 95 % quantiles at 1 and 2 in every resample.
  const std::vector<Samples> clusters = {Samples(100, 1.0), Samples(100, 2.0)};
  const double ps[] = {0.05, 0.95};
  const auto views = spans(clusters);
  const std::vector<Interval> cis = bootstrap_pooled_quantile_cis(views, ps, {0.95, 1000, 2});
  EXPECT_EQ(cis.at(0), (Interval{1, 2}));
  EXPECT_EQ(cis.at(1), (Interval{1, 2}));
}

TEST(BootstrapPooledQuantileCis, OneClusterGivesItsOwnQuantilesExactly) {
  // Every resample is the cluster itself, so the interval is the type 7 quantile of it.
  const std::vector<Samples> clusters = {uniform_samples(37, 1)};
  const double ps[] = {0, 0.1, 0.5, 0.9, 0.99, 1};
  const auto views = spans(clusters);
  const std::vector<Interval> cis = bootstrap_pooled_quantile_cis(views, ps, {0.95, 3, 2});
  for (std::size_t i = 0; i < cis.size(); ++i) {
    EXPECT_DOUBLE_EQ(cis[i].low, quantile(clusters[0], ps[i])) << ps[i];
    EXPECT_DOUBLE_EQ(cis[i].high, quantile(clusters[0], ps[i])) << ps[i];
  }
}

TEST(BootstrapPooledQuantileCis, EmptyClustersAreDrawnOver) {
  const std::vector<Samples> clusters = {{}, {}, {4, 5}};
  const double ps[] = {0, 1};
  const auto views = spans(clusters);
  const std::vector<Interval> cis = bootstrap_pooled_quantile_cis(views, ps, {0.95, 50, 2});
  EXPECT_EQ(cis.at(0), (Interval{4, 4}));
  EXPECT_EQ(cis.at(1), (Interval{5, 5}));
}

TEST(BootstrapRatioCi, AConstantRatioHasNoSpread) {
  const Samples above = uniform_samples(50, 3);
  Samples below = above;
  for (double& value : below) {
    value *= 4;
  }
  const Interval ci = bootstrap_ratio_ci(above, below, {0.95, 200, 1});
  EXPECT_DOUBLE_EQ(ci.low, 0.25);
  EXPECT_DOUBLE_EQ(ci.high, 0.25);
}

/// Against the normal approximation of a mean's spread, which is what a ratio to ones is.
TEST(BootstrapRatioCi, IsAsWideAsTheSpreadOfTheMean) {
  const Samples above = uniform_samples(400, 5);
  const Samples ones(above.size(), 1.0);
  const Interval ci = bootstrap_ratio_ci(above, ones, {0.95, 4000, 7});
  const double half = 1.96 * std::sqrt(variance(above) / 400);
  EXPECT_NEAR(ci.low, mean(above) - half, half / 10);
  EXPECT_NEAR(ci.high, mean(above) + half, half / 10);
  EXPECT_EQ(bootstrap_ratio_ci(above, ones, {0.95, 4000, 7}), ci);
  EXPECT_NE(bootstrap_ratio_ci(above, ones, {0.95, 4000, 8}), ci);
}

TEST(BootstrapRatioCi, ZerosBelowAreDrawnOver) {
  const Interval ci = bootstrap_ratio_ci(Samples{0, 0, 3}, Samples{0, 0, 1}, {0.95, 100, 1});
  EXPECT_EQ(ci, (Interval{3, 3}));
}

/// A median of one draw is the draw: against the normal approximation of what 40 terms add up to.
TEST(BootstrapSumOfMediansCi, AddsTheSpreadsOfSamplesAndFactors) {
  const Samples samples = uniform_samples(300, 5);
  const Samples factors = uniform_samples(200, 6);
  const Samples one = {1};
  const double second = variance(samples) + mean(samples) * mean(samples);
  const std::vector<ScatteredTerm> plain(40, {2, samples, 1, one});
  const std::vector<ScatteredTerm> scattered(40, {2, samples, 1, factors});
  const auto expect_like = [](const Interval& ci, double centre, double spread) {
    EXPECT_NEAR(ci.low, centre - 1.96 * spread, spread / 4);
    EXPECT_NEAR(ci.high, centre + 1.96 * spread, spread / 4);
  };
  expect_like(bootstrap_sum_of_medians_ci(plain, {0.95, 4000, 7}), 80 * mean(samples),
              2 * std::sqrt(40 * variance(samples)));
  const double product = second * (variance(factors) + mean(factors) * mean(factors)) -
                         std::pow(mean(samples) * mean(factors), 2);
  expect_like(bootstrap_sum_of_medians_ci(scattered, {0.95, 4000, 7}), 80 * mean(samples) * mean(factors),
              2 * std::sqrt(40 * product));
}

TEST(BootstrapSumOfMediansCi, MoreDrawsAreSurer) {
  const Samples samples = uniform_samples(301, 9);
  const Samples one = {1};
  const auto width = [&](std::size_t n_draws) {
    const ScatteredTerm term{1, samples, n_draws, one};
    const Interval ci = bootstrap_sum_of_medians_ci(std::span(&term, 1), {0.95, 2000, 3});
    EXPECT_LT(ci.low, median(samples));
    EXPECT_GT(ci.high, median(samples));
    return ci.high - ci.low;
  };
  EXPECT_NEAR(width(25) / width(225), 3, 0.6);  // as the square root of their number
}

TEST(BootstrapDeathTest, NothingHasNoInterval) {
  const double ps[] = {0.5};
  EXPECT_DEATH((void)bootstrap_pooled_quantile_cis({}, ps), "check failed");
}

}  // namespace
}  // namespace reprise::harness
