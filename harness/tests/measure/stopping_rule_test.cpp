#include "harness/measure/stopping_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "engine/core/error.h"
#include "harness/stats/median_sequence.h"

namespace reprise::harness {
namespace {

using testing::HasSubstr;

/// A cold run, then `n` runs around 1 s that scatter by `spread`, without a trend.
std::vector<Seconds> around_one(std::size_t n, double spread) {
  std::vector<Seconds> runs = {3.0};
  for (std::size_t i = 0; i < n; ++i) {
    // Halves of the golden ratio's sequence are spread alike; neighbours lie far apart.
    runs.push_back(1 + spread * (2 * std::fmod(0.5 + 0.6180339887498949 * static_cast<double>(i), 1.0) - 1));
  }
  return runs;
}

TEST(MedianRule, ConvergesOnTightSamples) {
  EXPECT_EQ(MedianRule().consider(around_one(15, 0.005), 20), StopReason::converged);
}

TEST(MedianRule, GoesOnWhileTheIntervalIsWide) {
  EXPECT_EQ(MedianRule().consider(around_one(15, 0.2), 20), std::nullopt);
}

TEST(MedianRule, BothSidesOfTheIntervalMustBeWithinTheTarget) {
  // The interval [1, 1.019] is within +-1 % of its middle, but not of the median, 1.
  std::vector<Seconds> lopsided = around_one(31, 0);
  for (std::size_t i = 1; i < lopsided.size(); i += 2) {
    lopsided[i] = 1.019;
  }
  lopsided[1] = 1;
  lopsided[3] = 1;
  EXPECT_EQ(MedianRule().consider(lopsided, 1), std::nullopt);
}

TEST(MedianRule, NeedsItsMinimumOfRuns) {
  EXPECT_EQ(MedianRule().consider(around_one(14, 0.0001), 15), std::nullopt);
}

TEST(MedianRule, NeedsAsManyRunsAsAnIntervalCanStandOn) {
  MedianRuleOptions options;
  options.min_runs = 2;
  const std::size_t least = min_samples_for_median_interval(0.95);
  EXPECT_EQ(MedianRule(options).consider(around_one(least - 1, 0), 12), std::nullopt);
  EXPECT_EQ(MedianRule(options).consider(around_one(least, 0), 12), StopReason::converged);
}

TEST(MedianRule, NeedsItsMinimumOfTimedSeconds) {
  MedianRuleOptions options;
  options.min_seconds = 1;
  std::vector<Seconds> runs(16, 0.066);
  EXPECT_EQ(MedianRule(options).consider(runs, 12), std::nullopt);
  runs.assign(16, 0.067);
  EXPECT_EQ(MedianRule(options).consider(runs, 12), StopReason::converged);
}

TEST(MedianRule, LooksLessOftenAtMoreRuns) {
  std::vector<std::size_t> looks;
  for (std::size_t n = 48; n <= 160; ++n) {
    if (MedianRule().consider(std::vector<Seconds>(n, 1.0), 1) == StopReason::converged) {
      looks.push_back(n);
    }
  }
  ASSERT_GE(looks.size(), 60U);
  EXPECT_EQ(looks[0], 48U);
  EXPECT_EQ(looks[1], 49U);
  EXPECT_EQ(looks.back() - looks[looks.size() - 2], 3U);
}

TEST(MedianRule, RunsThatMoveDoNotConverge) {
  std::vector<Seconds> runs = {3.0};
  for (int i = 0; i < 40; ++i) {
    runs.push_back(1 + 0.0002 * i);  // well within the target, and getting slower with every run
  }
  EXPECT_EQ(MedianRule().consider(runs, 5), std::nullopt);
  EXPECT_EQ(MedianRule().consider(runs, 30), StopReason::not_steady);
}

TEST(MedianRule, DropsWarmupAndConvergesOnTheRest) {
  std::vector<Seconds> runs = around_one(60, 0.005);
  for (std::size_t i = 1; i <= 10; ++i) {
    runs[i] *= 1.5;
  }
  EXPECT_EQ(MedianRule().consider(runs, 5), StopReason::converged);
  EXPECT_GE(MedianRule().steady_part(runs).warmup_runs, 11U);
}

TEST(MedianRule, OutOfBudgetIsNotConverged) {
  EXPECT_EQ(MedianRule().consider(around_one(15, 0.2), 30), StopReason::budget);
  EXPECT_EQ(MedianRule().consider(around_one(3, 0.0), 31), StopReason::budget);
}

TEST(MedianRule, TheLastLookIsNotWastedWhenTheBudgetEndsBetweenLooks) {
  EXPECT_EQ(MedianRule().consider(around_one(150, 0.001), 29), std::nullopt);
  EXPECT_EQ(MedianRule().consider(around_one(150, 0.001), 30), StopReason::converged);
}

TEST(MedianRule, OutOfRunsIsNotConverged) {
  MedianRuleOptions options;
  options.max_runs = 16;
  EXPECT_EQ(MedianRule(options).consider(around_one(15, 0.2), 1), std::nullopt);
  EXPECT_EQ(MedianRule(options).consider(around_one(16, 0.2), 1), StopReason::max_runs);
}

TEST(MedianRule, WithoutASampleItGoesOnWhateverTheTime) {
  EXPECT_EQ(MedianRule().consider({}, 1e6), std::nullopt);
  EXPECT_EQ(MedianRule().consider(around_one(0, 0), 1e6), std::nullopt);
}

std::string refusal(const MedianRuleOptions& options) {
  try {
    const MedianRule rule(options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.what();
  }
  return "accepted";
}

TEST(MedianRule, RefusesOptionsOutOfRangeByName) {
  MedianRuleOptions options;
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
