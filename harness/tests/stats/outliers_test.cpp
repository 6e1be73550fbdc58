#include "harness/stats/outliers.h"

#include <gtest/gtest.h>

#include <vector>

namespace reprise::harness {
namespace {

TEST(TukeyFences, ByHand) {
  // Quartiles (type 7) of 1..9 are 3 and 7.
  EXPECT_EQ(tukey_fences(std::vector<double>{9, 1, 8, 2, 7, 3, 6, 4, 5}), (Interval{-3, 13}));
}

TEST(Outliers, AreThoseBeyondTheFencesInOrder) {
  const std::vector<double> samples = {5, 14, 1, 8, 2, 7, 3, 6, 4, -9};
  const Interval fences = tukey_fences(samples);
  std::vector<std::size_t> expected;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i] < fences.low || samples[i] > fences.high) {
      expected.push_back(i);
    }
  }
  EXPECT_EQ(outliers(samples), expected);
  EXPECT_EQ(outliers(samples), (std::vector<std::size_t>{1, 9}));
}

TEST(Outliers, OfEqualSamplesAndOfNoneAreNone) {
  EXPECT_TRUE(outliers(std::vector<double>(10, 1.0)).empty());
  EXPECT_TRUE(outliers({}).empty());
}

}  // namespace
}  // namespace reprise::harness
