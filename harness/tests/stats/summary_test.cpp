#include "harness/stats/summary.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace reprise::harness {
namespace {

using Samples = std::vector<double>;

TEST(Quantile, InterpolatesAsTypeSeven) {
  // n = 5, so (n - 1) p counts order statistics from 0: p = 0.25 is exactly the second, 0.1 is 0.4 of the way
  // from the first (10) to the second (20), 0.9 is 0.6 of the way from the fourth (40) to the fifth (80).
  const Samples samples = {40, 10, 80, 20, 30};
  EXPECT_DOUBLE_EQ(quantile(samples, 0), 10);
  EXPECT_DOUBLE_EQ(quantile(samples, 0.1), 14);
  EXPECT_DOUBLE_EQ(quantile(samples, 0.25), 20);
  EXPECT_DOUBLE_EQ(quantile(samples, 0.5), 30);
  EXPECT_DOUBLE_EQ(quantile(samples, 0.9), 64);
  EXPECT_DOUBLE_EQ(quantile(samples, 1), 80);
}

TEST(Quantile, LeavesItsInputInOrder) {
  const Samples samples = {3, 1, 2};
  (void)quantile(samples, 0.5);
  EXPECT_EQ(samples, (Samples{3, 1, 2}));
}

TEST(Quantile, OfOneAndOfTies) {
  EXPECT_EQ(quantile(Samples{7}, 0.99), 7);
  EXPECT_EQ(quantile(Samples{5, 5, 5, 9}, 0.5), 5);
  EXPECT_DOUBLE_EQ(quantile(Samples{1, 2}, 0.75), 1.75);
}

TEST(Median, OddAndEven) {
  EXPECT_EQ(median(Samples{9, 1, 5}), 5);
  EXPECT_EQ(median(Samples{9, 1, 5, 6}), 5.5);
  EXPECT_EQ(median(Samples{4}), 4);
}

TEST(MeanAndVariance, ByHand) {
  // Deviations from 5: -3 -1 -1 -1 0 0 2 4, squares sum to 32, divided by 7.
  const Samples samples = {2, 4, 4, 4, 5, 5, 7, 9};
  EXPECT_DOUBLE_EQ(mean(samples), 5);
  EXPECT_DOUBLE_EQ(variance(samples), 32.0 / 7);
  EXPECT_DOUBLE_EQ(variance(Samples{1, 3}), 2);
}

TEST(Variance, SurvivesALargeOffset) {
  // The textbook sum of squares minus square of sums would lose everything here.
  EXPECT_DOUBLE_EQ(variance(Samples{1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}), 30);
}

TEST(MedianAbsoluteDeviation, ByHand) {
  // Median 2; deviations 1 1 0 0 2 4 7, in order 0 0 1 1 2 4 7: the middle one is 1.
  EXPECT_EQ(median_absolute_deviation(Samples{1, 1, 2, 2, 4, 6, 9}), 1);
  EXPECT_EQ(median_absolute_deviation(Samples{3}), 0);
}

TEST(Lag1Autocorrelation, ByHand) {
  // 1 2 3 4 5: deviations -2 -1 0 1 2; products of neighbours 2 + 0 + 0 + 2 = 4; squares 10.
  EXPECT_DOUBLE_EQ(*lag1_autocorrelation(Samples{1, 2, 3, 4, 5}), 0.4);
  // 1 -1 1 -1: mean 0, products -3, squares 4.
  EXPECT_DOUBLE_EQ(*lag1_autocorrelation(Samples{1, -1, 1, -1}), -0.75);
}

TEST(Lag1Autocorrelation, IsAbsentWhereItMeansNothing) {
  EXPECT_FALSE(lag1_autocorrelation({}).has_value());
  EXPECT_FALSE(lag1_autocorrelation(Samples{1, 2}).has_value());
  EXPECT_FALSE(lag1_autocorrelation(Samples{0.1, 0.1, 0.1}).has_value());
}

TEST(SummaryDeathTest, NothingHasNoStatistics) {
  EXPECT_DEATH((void)mean({}), "check failed");
  EXPECT_DEATH((void)median({}), "check failed");
  EXPECT_DEATH((void)variance(Samples{1}), "check failed");
  EXPECT_DEATH((void)quantile(Samples{1}, 1.5), "check failed");
}

}  // namespace
}  // namespace reprise::harness
