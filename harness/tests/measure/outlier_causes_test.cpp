#include "harness/measure/outlier_causes.h"

#include <gtest/gtest.h>

namespace reprise::harness {
namespace {

/// Runs of 1.00 to 1.07 s that met nothing.
std::vector<Sample> ordinary(std::size_t n) {
  std::vector<Sample> samples(n);
  for (std::size_t i = 0; i < n; ++i) {
    samples[i].total_seconds = 1 + 0.01 * static_cast<double>(i % 8);
    samples[i].conditions = RunConditions{};
  }
  return samples;
}

TEST(OutlierCauses, NeedRunsToStandApartFrom) {
  EXPECT_FALSE(explain_outliers(ordinary(kFewestRunsForOutliers - 1)));
  EXPECT_TRUE(explain_outliers(ordinary(kFewestRunsForOutliers)));
}

TEST(OutlierCauses, NoneWhereNoRunStandsApart) {
  const auto summary = explain_outliers(ordinary(40));
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->runs, 40);
  EXPECT_EQ(summary->slow + summary->fast + summary->unexplained, 0);
  EXPECT_TRUE(summary->causes.empty());
}

TEST(OutlierCauses, CountsSlowAndFastApart) {
  std::vector<Sample> samples = ordinary(40);
  samples[3].total_seconds = 2;
  samples[9].total_seconds = 3;
  samples[20].total_seconds = 0.1;
  const auto summary = explain_outliers(samples);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->slow, 2);
  EXPECT_EQ(summary->fast, 1);
  EXPECT_EQ(summary->unexplained, 2);
  EXPECT_GT(summary->fences.low, 0.1);
  EXPECT_LT(summary->fences.high, 2);
}

TEST(OutlierCauses, OneOutlierMayHaveMetSeveral) {
  std::vector<Sample> samples = ordinary(40);
  for (const std::size_t i : {3, 9, 17}) {
    samples[i].total_seconds = 2;
  }
  samples[3].conditions->involuntary_switches = 2;
  samples[3].conditions->steal_seconds = 0.02;
  samples[9].conditions->involuntary_switches = 1;
  for (Sample& sample : samples) {
    sample.conditions->steal_seconds = sample.conditions->steal_seconds.value_or(0);
  }
  const auto summary = explain_outliers(samples);
  ASSERT_TRUE(summary);
  ASSERT_EQ(summary->causes.size(), 2U);
  EXPECT_EQ(summary->causes[0].cause, OutlierCause::involuntary_switches);
  EXPECT_EQ(summary->causes[0].outliers, 2);
  EXPECT_EQ(summary->causes[1].cause, OutlierCause::steal);
  EXPECT_EQ(summary->causes[1].outliers, 1);
  EXPECT_EQ(summary->unexplained, 1);
}

TEST(OutlierCauses, WhatOrdinaryRunsMeetTooIsCountedBesideIt) {
  std::vector<Sample> samples = ordinary(40);
  samples[3].total_seconds = 2;
  samples[3].conditions->minor_page_faults = 9;
  samples[5].conditions->minor_page_faults = 9;
  samples[6].conditions->minor_page_faults = 9;
  const auto summary = explain_outliers(samples);
  ASSERT_TRUE(summary);
  ASSERT_EQ(summary->causes.size(), 1U);
  EXPECT_EQ(summary->causes[0].cause, OutlierCause::minor_page_faults);
  EXPECT_EQ(summary->causes[0].outliers, 1);
  EXPECT_EQ(summary->causes[0].others, 2);
}

TEST(OutlierCauses, WhatEveryRunMeetsIsNone) {
  std::vector<Sample> samples = ordinary(40);
  for (Sample& sample : samples) {
    sample.conditions->voluntary_switches = 30;
  }
  samples[3].total_seconds = 2;
  const auto summary = explain_outliers(samples);
  ASSERT_TRUE(summary);
  EXPECT_TRUE(summary->causes.empty());
  EXPECT_EQ(summary->unexplained, 1);
}

TEST(OutlierCauses, ALowerClockIsOneAHigherIsNot) {
  std::vector<Sample> samples = ordinary(40);
  for (Sample& sample : samples) {
    sample.conditions->clock_hz = 3e9;
  }
  samples[3].total_seconds = 2;
  samples[3].conditions->clock_hz = 1.2e9;
  samples[9].total_seconds = 2;
  samples[9].conditions->clock_hz = 4e9;
  const auto summary = explain_outliers(samples);
  ASSERT_TRUE(summary);
  ASSERT_EQ(summary->causes.size(), 1U);
  EXPECT_EQ(summary->causes[0].cause, OutlierCause::lower_clock);
  EXPECT_EQ(summary->causes[0].outliers, 1);
  EXPECT_EQ(summary->unexplained, 1);
}

TEST(OutlierCauses, WhereNobodyLookedThereIsNone) {
  std::vector<Sample> samples = ordinary(40);
  for (Sample& sample : samples) {
    sample.conditions.reset();
  }
  samples[3].total_seconds = 2;
  const auto summary = explain_outliers(samples);
  ASSERT_TRUE(summary);
  EXPECT_TRUE(summary->causes.empty());
  EXPECT_EQ(summary->unexplained, 1);
}

/// A reading that only the outlier has: nothing says what is usual.
TEST(OutlierCauses, AReadingWithoutUsualOnesIsNone) {
  std::vector<Sample> samples = ordinary(40);
  samples[3].total_seconds = 2;
  samples[3].conditions->steal_seconds = 1;
  const auto summary = explain_outliers(samples);
  ASSERT_TRUE(summary);
  EXPECT_TRUE(summary->causes.empty());
}

}  // namespace
}  // namespace reprise::harness
