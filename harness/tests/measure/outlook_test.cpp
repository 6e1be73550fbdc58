#include "harness/measure/outlook.h"

#include <gtest/gtest.h>

#include <vector>

namespace reprise::harness {
namespace {

std::vector<Seconds> noisy_runs(std::size_t n, double spread) {
  std::vector<Seconds> runs;
  for (std::size_t i = 0; i < n; ++i) {
    // Without a trend, in an order that no warm-up explains.
    runs.push_back(1 + spread * (static_cast<double>((i * 7919) % 101) / 101 - 0.5));
  }
  return runs;
}

TEST(Outlook, WithoutAnIntervalTheBudgetIsLeft) {
  const MedianRuleOptions options;
  const Outlook first = outlook(noisy_runs(1, 0), 1, options);
  EXPECT_EQ(first.median, 1);
  EXPECT_FALSE(first.half_width.has_value());
  EXPECT_EQ(first.left_seconds, options.budget_seconds - 1);
  EXPECT_EQ(outlook(noisy_runs(2, 0), 99, options).left_seconds, 0);
}

TEST(Outlook, RunsThatAreTightEnoughNeedNoMore) {
  MedianRuleOptions options;
  options.budget_seconds = 1000;
  const Outlook now = outlook(noisy_runs(60, 0.001), 60, options);
  ASSERT_TRUE(now.half_width.has_value());
  EXPECT_LT(*now.half_width, options.target_half_width);
  EXPECT_EQ(now.left_seconds, 0);
}

TEST(Outlook, HalfTheWidthNeedsFourTimesTheRuns) {
  MedianRuleOptions options;
  options.budget_seconds = 1e9;
  const std::vector<Seconds> runs = noisy_runs(80, 0.5);
  const Outlook now = outlook(runs, 80, options);
  ASSERT_TRUE(now.half_width.has_value());
  options.target_half_width = *now.half_width / 2;
  // A second each; the cold run and what else is warm-up count for nothing.
  EXPECT_NEAR(outlook(runs, 80, options).left_seconds, 3 * 79, 30);
  options.budget_seconds = 100;
  EXPECT_EQ(outlook(runs, 80, options).left_seconds, 20);
}

TEST(Outlook, ShortRunsNeedTheTimeThatTheRuleWants) {
  MedianRuleOptions options;
  options.min_seconds = 10;
  const Outlook now = outlook(noisy_runs(5, 0), 5, options);
  EXPECT_FALSE(now.half_width.has_value());
  EXPECT_GT(now.left_seconds, 4);
}

}  // namespace
}  // namespace reprise::harness
