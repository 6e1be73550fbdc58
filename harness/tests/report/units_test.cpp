#include "harness/report/units.h"

#include <gtest/gtest.h>

namespace reprise::harness {
namespace {

TEST(FormatNumber, KeepsSignificantDigitsAndNoPointWithoutNeed) {
  EXPECT_EQ(format_number(0.081234), "0.08123");
  EXPECT_EQ(format_number(8.1234), "8.123");
  EXPECT_EQ(format_number(812.34), "812.3");
  EXPECT_EQ(format_number(8123.4), "8123");
  EXPECT_EQ(format_number(812345), "812345");
  EXPECT_EQ(format_number(1.25, 3), "1.25");
  EXPECT_EQ(format_number(0), "0");
  EXPECT_EQ(format_number(-2.5), "-2.500");
}

TEST(FormatNumber, RoundingUpDoesNotAddADigit) {
  EXPECT_EQ(format_number(9.99996), "10.00");
  EXPECT_EQ(format_number(999.96), "1000");
}

TEST(FormatSeconds, TakesTheFittingUnit) {
  EXPECT_EQ(format_seconds(1.2341), "1.234 s");
  EXPECT_EQ(format_seconds(123.4), "123.4 s");
  EXPECT_EQ(format_seconds(0.012341), "12.34 ms");
  EXPECT_EQ(format_seconds(56.7e-6), "56.70 µs");
  EXPECT_EQ(format_seconds(3.1e-9), "3.100 ns");
  EXPECT_EQ(format_seconds(0.99999), "1.000 s");
  EXPECT_EQ(format_seconds(0.0009999), "999.9 µs");
  EXPECT_EQ(format_seconds(1e-12), "0.001000 ns");
  EXPECT_EQ(format_seconds(0), "0 s");
  EXPECT_EQ(format_seconds(-0.002), "-2.000 ms");
}

TEST(FormatPercent, ToATenth) {
  EXPECT_EQ(format_percent(0.1234), "12.3 %");
  EXPECT_EQ(format_percent(1), "100.0 %");
}

TEST(Counted, OneHasNoPlural) {
  EXPECT_EQ(counted(1, "change"), "1 change");
  EXPECT_EQ(counted(0, "change"), "0 changes");
}

}  // namespace
}  // namespace reprise::harness
