#include "harness/report/sparkline.h"

#include <gtest/gtest.h>

#include <vector>

namespace reprise::harness {
namespace {

TEST(Sparkline, CountsValuesInEightParts) {
  // 0 .. 8: seven of the first part, one of the last.
  EXPECT_EQ(sparkline(std::vector<double>{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.9, 8}), "█▁▁▁▁▁▁▂");
  EXPECT_EQ(sparkline(std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}), "████████");
}

TEST(Sparkline, EqualValuesAreOneBar) {
  EXPECT_EQ(sparkline(std::vector<double>{2, 2, 2}), "█▁▁▁▁▁▁▁");
}

TEST(Sparkline, TooFewValuesAreNone) {
  EXPECT_EQ(sparkline(std::vector<double>{1, 2}), "");
  EXPECT_EQ(sparkline({}), "");
}

}  // namespace
}  // namespace reprise::harness
