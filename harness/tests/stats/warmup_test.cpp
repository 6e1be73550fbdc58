#include "harness/stats/warmup.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "harness/tests/support/noise_models.h"

namespace reprise::harness {
namespace {

std::vector<double> samples_of(const NoiseModel& model, std::size_t n, std::uint64_t seed) {
  Noise noise = model(seed);
  std::vector<double> samples(n);
  for (double& x : samples) {
    x = noise();
  }
  return samples;
}

TEST(WarmupLength, FindsWhereSlowRunsEnd) {
  // 12 runs 20 % slower, then none: the cut is exact where the step is 20 standard deviations.
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::vector<double> samples = samples_of(lognormal(0.01), 60, seed);
    for (std::size_t i = 0; i < 12; ++i) {
      samples[i] *= 1.2;
    }
    const auto length = warmup_length(samples);
    ASSERT_TRUE(length.has_value());
    EXPECT_GE(*length, 12U);
    EXPECT_LE(*length, 16U);
  }
}

TEST(WarmupLength, FindsFastRunsToo) {
  std::vector<double> samples = samples_of(lognormal(0.01), 60, 3);
  for (std::size_t i = 0; i < 8; ++i) {
    samples[i] *= 0.8;  // before the clock was lowered
  }
  EXPECT_GE(warmup_length(samples).value_or(0), 8U);
}

TEST(WarmupLength, TakesLittleFromSettledRuns) {
  double dropped = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    dropped += static_cast<double>(warmup_length(samples_of(lognormal(0.02), 50, seed)).value_or(50));
  }
  EXPECT_LT(dropped / 200, 4);
}

TEST(WarmupLength, AnOutlierDoesNotDecideIt) {
  std::vector<double> samples = samples_of(lognormal(0.01), 40, 5);
  const auto before = warmup_length(samples);
  samples[30] = 100;
  const auto after = warmup_length(samples);
  ASSERT_TRUE(before && after);
  EXPECT_LE(*after, *before + 3);
}

TEST(WarmupLength, RunsThatNeverSettleHaveNone) {
  EXPECT_FALSE(warmup_length(samples_of(drift(0.01, 0.005), 60, 1)).has_value());
}

TEST(WarmupLength, OfFewOrEqualSamplesIsNone) {
  EXPECT_EQ(warmup_length(std::vector<double>{9, 8, 7, 6, 5, 4, 3}), 0U);
  EXPECT_EQ(warmup_length(std::vector<double>(30, 1.0)), 0U);
  EXPECT_EQ(warmup_length({}), 0U);
}

TEST(Trend, IsAboutAStandardNormalWhereNothingMoves) {
  for (const auto& model : {lognormal(0.02), floor_and_exponential(0.1), autoregressive(0.5, 0.02)}) {
    double squares = 0;
    int beyond = 0;
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
      const double z = trend(samples_of(model, 80, seed));
      squares += z * z;
      beyond += std::abs(z) > 2.58 ? 1 : 0;
    }
    EXPECT_GT(squares / 400, 0.6);  // the dependence it allows for is seldom estimated below 1
    EXPECT_LT(squares / 400, 1.7);  // and of few samples not always in full
    EXPECT_LE(beyond, 16);
  }
}

TEST(Trend, SeesADriftAndItsDirection) {
  EXPECT_GT(trend(samples_of(drift(0.002, 0.01), 60, 1)), 5);
  std::vector<double> falling = samples_of(drift(0.002, 0.01), 60, 1);
  for (double& x : falling) {
    x = 1 / x;
  }
  EXPECT_LT(trend(falling), -5);
}

TEST(Trend, OfFewOrEqualSamplesIsZero) {
  EXPECT_EQ(trend(std::vector<double>{1, 2, 3, 4, 5, 6, 7}), 0);
  EXPECT_EQ(trend(std::vector<double>(30, 1.0)), 0);
}

}  // namespace
}  // namespace reprise::harness
