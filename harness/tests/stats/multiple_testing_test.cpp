#include "harness/stats/multiple_testing.h"

#include <gtest/gtest.h>

#include <vector>

namespace reprise::harness {
namespace {

void expect_near(const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 1e-12) << i;
  }
}

// As R's p.adjust(c(0.01, 0.04, 0.03, 0.005)) gives them.
TEST(Holm, AdjustsByRankAndNeverFalls) {
  expect_near(holm(std::vector<double>{0.01, 0.04, 0.03, 0.005}), {0.03, 0.06, 0.06, 0.02});
}

TEST(BenjaminiHochberg, AdjustsByRankAndNeverRises) {
  expect_near(benjamini_hochberg(std::vector<double>{0.01, 0.04, 0.03, 0.005}), {0.02, 0.04, 0.04, 0.02});
}

TEST(MultipleTesting, OneTestIsUnchangedAndProbabilitiesStayProbabilities) {
  expect_near(holm(std::vector<double>{0.2}), {0.2});
  expect_near(benjamini_hochberg(std::vector<double>{0.2}), {0.2});
  expect_near(holm(std::vector<double>{0.9, 0.8, 1}), {1, 1, 1});
  expect_near(benjamini_hochberg(std::vector<double>{0.9, 0.8, 1}), {1, 1, 1});
  EXPECT_TRUE(holm({}).empty());
  EXPECT_TRUE(benjamini_hochberg({}).empty());
}

}  // namespace
}  // namespace reprise::harness
