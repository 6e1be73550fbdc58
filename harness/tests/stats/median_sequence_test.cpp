#include "harness/stats/median_sequence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "harness/tests/support/noise_models.h"

namespace reprise::harness {
namespace {

std::vector<double> one_to(int n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 1.0);
  return values;
}

TEST(LogSignMixture, IsTheBetaBinomialByHand) {
  // With a = 2: M = 2^n B(k + 2, n - k + 2) / B(2, 2), B(2, 2) = 1/6, B(p, q) = (p-1)! (q-1)! / (p+q-1)!.
  EXPECT_NEAR(log_sign_mixture(0, 0), 0, 1e-12);
  EXPECT_NEAR(log_sign_mixture(0, 1), 0, 1e-12);              // 2 * B(2, 3) * 6 = 2 * 1/12 * 6
  EXPECT_NEAR(log_sign_mixture(0, 3), std::log(1.6), 1e-12);  // 8 * B(2, 5) * 6 = 8 * 1/30 * 6
  EXPECT_NEAR(log_sign_mixture(1, 3), std::log(0.8), 1e-12);  // 8 * B(3, 4) * 6 = 8 * 1/60 * 6
}

TEST(LogSignMixture, IsAMartingaleUnderAFairCoin) {
  // The mean over the next toss is the present value.
  for (const double n : {1.0, 5.0, 20.0, 100.0}) {
    for (double k = 0; k <= n; k += n / 5) {
      const double next =
          (std::exp(log_sign_mixture(k, n + 1)) + std::exp(log_sign_mixture(k + 1, n + 1))) / 2;
      EXPECT_NEAR(next / std::exp(log_sign_mixture(k, n)), 1, 1e-9) << k << " of " << n;
    }
  }
}

TEST(MedianOrderStatistic, IsTheLeastRankThatIsNotRejected) {
  for (const double confidence : {0.9, 0.95, 0.99}) {
    for (const std::size_t n : {1, 5, 11, 12, 40, 333}) {
      const std::size_t l = median_order_statistic(n, confidence);
      const double bound = -std::log(1 - confidence);
      const auto total = static_cast<double>(n);
      EXPECT_LT(log_sign_mixture(static_cast<double>(l), total), bound);
      if (l > 0) {
        EXPECT_GE(log_sign_mixture(static_cast<double>(l - 1), total), bound);
      }
    }
  }
}

TEST(MedianConfidenceInterval, StandsOnOrderStatistics) {
  const std::vector<double> samples = {30, 1,  29, 2,  28, 3,  27, 4,  26, 5,  25, 6,  24, 7,  23,
                                       8,  22, 9,  21, 10, 20, 11, 19, 12, 18, 13, 17, 14, 16, 15};
  const auto l = static_cast<double>(median_order_statistic(30, 0.95));
  EXPECT_EQ(median_confidence_interval(samples, 0.95), (Interval{l, 31 - l}));
  EXPECT_EQ(median_order_statistic(30, 0.95), 7U);
}

TEST(MedianConfidenceInterval, NeedsEnoughSamples) {
  for (const double confidence : {0.5, 0.95, 0.99, 0.999}) {
    const std::size_t least = min_samples_for_median_interval(confidence);
    EXPECT_FALSE(median_confidence_interval(one_to(static_cast<int>(least) - 1), confidence).has_value());
    EXPECT_TRUE(median_confidence_interval(one_to(static_cast<int>(least)), confidence).has_value());
  }
  EXPECT_EQ(min_samples_for_median_interval(0.99), 12U);
}

TEST(MedianConfidenceInterval, EqualSamplesHaveAPoint) {
  EXPECT_EQ(median_confidence_interval(std::vector<double>(20, 3.0), 0.95), (Interval{3, 3}));
}

TEST(MedianConfidenceInterval, DependenceWidensItAsFewerSamplesWould) {
  const std::vector<double> samples = one_to(200);
  const Interval all = *median_confidence_interval(samples, 0.95);
  const Interval quarter = *median_confidence_interval(samples, 0.95, 4);
  const Interval fifty = *median_confidence_interval(one_to(50), 0.95);
  EXPECT_GT(quarter.high - quarter.low, all.high - all.low);
  EXPECT_NEAR((quarter.high - quarter.low) / 200, (fifty.high - fifty.low) / 50, 0.03);
}

/// How often the interval misses a median of 1 at any of the first `n` samples: what looking every time does.
double missed_at_some_look(const NoiseModel& model, int replicates, std::size_t n, double confidence) {
  int missed = 0;
  for (int replicate = 0; replicate < replicates; ++replicate) {
    Noise noise = model(static_cast<std::uint64_t>(replicate) + 1);
    std::vector<double> samples;
    bool covers = true;
    while (samples.size() < n && covers) {
      samples.push_back(noise());
      const auto ci = median_confidence_interval(samples, confidence);
      covers = !ci || (ci->low <= 1 && 1 <= ci->high);
    }
    missed += covers ? 0 : 1;
  }
  return missed / static_cast<double>(replicates);
}

TEST(MedianConfidenceInterval, CoversAtEveryLookAtOnce) {
  // At most 10 % by Ville's inequality; 2,000 replicates of that have a standard error of 0.7 %. It is not
  // idle either: samples to come would use up the rest.
  const double missed = missed_at_some_look(lognormal(0.1), 2000, 200, 0.9);
  EXPECT_LT(missed, 0.10 + 3 * 0.007);
  EXPECT_GT(missed, 0.02);
}

TEST(MedianConfidenceInterval, CoversWithTies) {
  EXPECT_LT(missed_at_some_look(ticks(0.05, 0.1), 1000, 200, 0.9), 0.10 + 3 * 0.0095);
}

TEST(PMedianAtMost, AgreesWithTheInterval) {
  Noise noise = lognormal(0.1)(7);
  std::vector<double> samples(60);
  for (double& x : samples) {
    x = noise();
  }
  const Interval ci = *median_confidence_interval(samples, 0.99);
  EXPECT_LE(p_median_at_most(samples, std::nextafter(ci.low, 0.0)), 0.01);
  EXPECT_GT(p_median_at_most(samples, ci.low), 0.01);
  EXPECT_LE(p_median_at_least(samples, std::nextafter(ci.high, 2.0)), 0.01);
  EXPECT_GT(p_median_at_least(samples, ci.high), 0.01);
  EXPECT_EQ(p_median_at_most(samples, 10), 1);
  EXPECT_EQ(p_median_at_least(samples, 0.1), 1);
  EXPECT_GT(p_median_at_most(samples, 0.95, 3), p_median_at_most(samples, 0.95));
}

}  // namespace
}  // namespace reprise::harness
