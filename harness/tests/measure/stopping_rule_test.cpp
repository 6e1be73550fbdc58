#include "harness/measure/stopping_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "engine/core/error.h"

namespace reprise::harness {
namespace {

using testing::HasSubstr;

/// `n` samples around 1 s, the deviations spread evenly over +-spread, in a fixed mixed order.
std::vector<Seconds> around_one(std::size_t n, double spread) {
  std::vector<Seconds> samples;
  for (std::size_t i = 0; i < n; ++i) {
    const double position = static_cast<double>((i * 7919) % n) / static_cast<double>(n - 1);
    samples.push_back(1 + spread * (2 * position - 1));
  }
  return samples;
}

TEST(AdaptiveMedianRule, ConvergesOnTightSamples) {
  EXPECT_EQ(AdaptiveMedianRule().consider(around_one(10, 0.005), 12), StopReason::converged);
}

TEST(AdaptiveMedianRule, GoesOnWhileTheIntervalIsWide) {
  EXPECT_EQ(AdaptiveMedianRule().consider(around_one(10, 0.2), 12), std::nullopt);
}

TEST(AdaptiveMedianRule, BothSidesOfTheIntervalMustBeWithinTheTarget) {
  // The lower half of the samples is all 1, the upper half 1.019 and more: the interval [1, 1.019] is within
  // +-1 % of its middle, but not of the median, 1.
  std::vector<Seconds> lopsided(31, 1.0);
  for (std::size_t i = 16; i < 31; ++i) {
    lopsided[i] = 1.019;
  }
  AdaptiveMedianOptions options;
  options.min_runs = 31;
  EXPECT_EQ(AdaptiveMedianRule(options).consider(lopsided, 1), std::nullopt);
}

TEST(AdaptiveMedianRule, NeedsItsMinimumOfRuns) {
  EXPECT_EQ(AdaptiveMedianRule().consider(around_one(9, 0.0001), 12), std::nullopt);
}

TEST(AdaptiveMedianRule, NeedsAsManyRunsAsAnIntervalCanStandOn) {
  AdaptiveMedianOptions options;
  options.min_runs = 2;
  EXPECT_EQ(AdaptiveMedianRule(options).consider(around_one(5, 0.0001), 12), std::nullopt);
  EXPECT_EQ(AdaptiveMedianRule(options).consider(around_one(6, 0.0001), 12), StopReason::converged);
}

TEST(AdaptiveMedianRule, NeedsItsMinimumOfTimedSeconds) {
  std::vector<Seconds> samples(10, 0.049);
  EXPECT_EQ(AdaptiveMedianRule().consider(samples, 12), std::nullopt);
  samples.assign(10, 0.051);
  EXPECT_EQ(AdaptiveMedianRule().consider(samples, 12), StopReason::converged);
}

TEST(AdaptiveMedianRule, LooksOnAGeometricGridOnly) {
  AdaptiveMedianOptions options;
  options.min_seconds = 0;
  const AdaptiveMedianRule rule(options);
  std::vector<std::size_t> looks;
  for (std::size_t n = 2; n <= 30; ++n) {
    if (rule.consider(around_one(n, 0), 1) == StopReason::converged) {
      looks.push_back(n);
    }
  }
  EXPECT_EQ(looks,
            (std::vector<std::size_t>{10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 24, 26, 28, 30}));
}

TEST(AdaptiveMedianRule, OutOfBudgetIsNotConverged) {
  EXPECT_EQ(AdaptiveMedianRule().consider(around_one(10, 0.2), 30), StopReason::budget);
  EXPECT_EQ(AdaptiveMedianRule().consider(around_one(3, 0.0), 31), StopReason::budget);
}

TEST(AdaptiveMedianRule, TheLastLookIsNotWastedWhenTheBudgetEndsOffTheGrid) {
  EXPECT_EQ(AdaptiveMedianRule().consider(around_one(21, 0.001), 29), std::nullopt);
  EXPECT_EQ(AdaptiveMedianRule().consider(around_one(21, 0.001), 30), StopReason::converged);
}

TEST(AdaptiveMedianRule, OutOfRunsIsNotConverged) {
  AdaptiveMedianOptions options;
  options.max_runs = 12;
  EXPECT_EQ(AdaptiveMedianRule(options).consider(around_one(11, 0.2), 1), std::nullopt);
  EXPECT_EQ(AdaptiveMedianRule(options).consider(around_one(12, 0.2), 1), StopReason::max_runs);
}

TEST(AdaptiveMedianRule, WithoutASampleItGoesOnWhateverTheTime) {
  EXPECT_EQ(AdaptiveMedianRule().consider({}, 1e6), std::nullopt);
}

std::string refusal(const AdaptiveMedianOptions& options) {
  try {
    const AdaptiveMedianRule rule(options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.what();
  }
  return "accepted";
}

TEST(AdaptiveMedianRule, RefusesOptionsOutOfRangeByName) {
  AdaptiveMedianOptions options;
  options.warmup_runs = 0;
  EXPECT_EQ(refusal(options),
            "stopping rule: warmup_runs: expected 1 (the cold run is never a sample) to 1000, found 0");
  options = {};
  options.confidence = 1;
  EXPECT_THAT(refusal(options), HasSubstr("confidence: expected a number from 0.5 to 0.999, found 1"));
  options = {};
  options.target_half_width = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(refusal(options), HasSubstr("target_half_width"));
  options = {};
  options.budget_seconds = 0;
  EXPECT_THAT(refusal(options), HasSubstr("budget_seconds"));
  options = {};
  options.max_runs = 0;
  EXPECT_THAT(refusal(options), HasSubstr("max_runs"));
  options = {};
  options.min_seconds = -1;
  EXPECT_THAT(refusal(options), HasSubstr("min_seconds"));
}

}  // namespace
}  // namespace reprise::harness
