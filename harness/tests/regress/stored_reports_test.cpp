#include "harness/regress/stored_reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/core/error.h"
#include "harness/tests/support/noise_models.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

using testing::HasSubstr;

/// The sample report with `n` runs in its second row, `factor` times as long.
Report report_with(double factor, std::uint64_t seed, std::size_t n = 60) {
  Report report = sample_report();
  Row& row = report.rows[1];
  Noise noise = lognormal(0.004)(seed);
  row.samples.total_seconds.clear();
  row.samples.token_seconds.clear();
  for (std::size_t i = 0; i < n; ++i) {
    const double seconds = 0.8 * factor * noise();
    row.samples.total_seconds.push_back(seconds);
    row.samples.token_seconds.push_back({seconds / 4, seconds / 2, seconds / 4});
  }
  report.rows = {row};
  return report;
}

Report compare(const Report& a, const Report& b, bool force = false) {
  return compare_reports(a, b, "a.json", "b.json", 0.01, force);
}

std::string refusal(const Report& a, const Report& b) {
  try {
    (void)compare(a, b);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::mismatch);
    return error.what();
  }
  return "accepted";
}

TEST(CompareReports, FindsWhatChangedAndSaysThatItIsNotPaired) {
  for (const auto& [factor, expected] : {std::pair{1.05, ComparisonVerdict::regression},
                                         {0.95, ComparisonVerdict::improvement},
                                         {1.0, ComparisonVerdict::equivalent}}) {
    const Report report = compare(report_with(1, 1), report_with(factor, 2));
    ASSERT_EQ(report.rows.size(), 2U);
    ASSERT_EQ(report.comparisons.size(), 3U);
    for (const Comparison& comparison : report.comparisons) {
      EXPECT_EQ(comparison.verdict, expected) << factor << comparison.metric;
      EXPECT_FALSE(comparison.paired);
      EXPECT_EQ(comparison.pairs, 0);
    }
    EXPECT_NEAR(report.comparisons[0].median_ratio, factor, 0.005);
    EXPECT_NEAR(report.comparisons[2].median_ratio, 1 / factor, 0.005);
  }
}

TEST(CompareReports, FewRunsAreInconclusive) {
  const Report report = compare(report_with(1, 1, 5), report_with(1.5, 2, 5));
  EXPECT_EQ(report.comparisons.at(0).verdict, ComparisonVerdict::inconclusive);
  EXPECT_FALSE(report.comparisons.at(0).ci.has_value());
}

TEST(CompareReports, LessThanABlockOfRunsIsInconclusiveToo) {
  Report a = report_with(1, 1, 5);
  a.rows[0].samples.runs_per_block = 9;
  const Report report = compare(a, report_with(1.5, 2, 60));
  ASSERT_EQ(report.comparisons.size(), 3U);
  EXPECT_EQ(report.comparisons[0].verdict, ComparisonVerdict::inconclusive);
  EXPECT_NEAR(report.comparisons[0].median_ratio, 1.5, 0.02);
}

TEST(CompareReports, RefusesAnotherMachineUnlessForced) {
  Report other = report_with(1, 2);
  other.machine.cpu = "Other CPU";
  EXPECT_THAT(refusal(report_with(1, 1), other), HasSubstr("b.json: machine: expected Fake CPU 9000"));
  EXPECT_EQ(compare(report_with(1, 1), other, true).comparisons.size(), 3U);
}

TEST(CompareReports, RefusesAnotherModelUnlessForced) {
  Report other = report_with(1, 2);
  other.rows[0].capture.model.sha256 = "ffff";
  EXPECT_THAT(refusal(report_with(1, 1), other),
              HasSubstr("b.json: rows[0].capture.model.sha256: expected 89ab as in a.json, found ffff"));
  EXPECT_EQ(compare(report_with(1, 1), other, true).comparisons.size(), 3U);
}

/// What the gate writes holds each row twice; the report stands for the build that it was about.
TEST(CompareReports, OfAReportOfTwoBuildsTheLaterOneCounts) {
  const auto two_builds = [](std::uint64_t seed, double before, double after) {
    Report report = report_with(before, seed);
    report.rows.push_back(report_with(after, seed + 1).rows[0]);
    report.comparisons.resize(1);  // of row 1 against row 0
    report.comparisons[0].a = 0;
    report.comparisons[0].b = 1;
    return report;
  };
  const Report report = compare(two_builds(1, 2, 1), two_builds(3, 3, 1.05));
  ASSERT_EQ(report.rows.size(), 2U);
  EXPECT_NEAR(report.comparisons.at(0).median_ratio, 1.05, 0.005);
  // Of two placements, both count.
  Report placements = two_builds(1, 2, 1);
  placements.rows[1].placement.threads = 1;
  EXPECT_EQ(compare(placements, placements).rows.size(), 4U);
}

TEST(CompareReports, RefusesReportsWithoutACommonRow) {
  Report other = report_with(1, 2);
  other.rows[0].placement.threads = 1;
  EXPECT_THAT(refusal(report_with(1, 1), other), HasSubstr("b.json: rows: expected one of a capture"));
  Report failed = report_with(1, 2);
  failed.rows[0].metrics.clear();
  EXPECT_THAT(refusal(report_with(1, 1), failed), HasSubstr("b.json: rows"));
}

}  // namespace
}  // namespace reprise::harness
