#include "harness/regress/paired_report.h"

#include <gtest/gtest.h>

#include <cmath>

#include "harness/report/report_json.h"
#include "harness/report/verdict_table.h"
#include "harness/tests/support/noisy_runner.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

ArmInfo arm(const char* precision) {
  ArmInfo info;
  info.capture = {"sha256:0123", "chat-1", {"tiny", "89ab", "qwen3", 1'000'000}, 64, 16, 16};
  info.placement = {"cpu", "avx512", precision, true, "f32", 2, "exact"};
  info.n_prompt_processed = 48;
  return info;
}

PairedSession session_of(double ratio, std::uint64_t seed = 1) {
  FakeClock clock;
  NoisyRunner a(clock, lognormal(0.005)(2 * seed));
  NoisyRunner b(clock, lognormal(0.005)(2 * seed + 1), 0.1 * ratio);
  return measure_pairs(a, b, {}, clock);
}

Report report_of(const PairedResult& result) {
  Report report;
  report.created = "2026-01-31T12:00:00Z";
  add_paired(report, arm("f32"), arm("bf16"), result, {});
  return report;
}

TEST(AddPaired, GivesTwoRowsAndAComparisonForEachQuantity) {
  const Report report = report_of({{session_of(1.05)}, {}});
  ASSERT_EQ(report.rows.size(), 2U);
  EXPECT_EQ(report.rows[0].placement.precision, "f32");
  EXPECT_EQ(report.rows[1].placement.precision, "bf16");
  ASSERT_EQ(report.comparisons.size(), 3U);
  const Comparison& total = report.comparisons[0];
  EXPECT_EQ(total.metric, "total_seconds");
  EXPECT_NEAR(total.median_ratio, 1.05, 0.01);
  EXPECT_EQ(total.verdict, ComparisonVerdict::regression);
  EXPECT_EQ(total.a, 0);
  EXPECT_EQ(total.b, 1);
  EXPECT_EQ(total.processes, 1);
  const Comparison& decode = report.comparisons[2];
  EXPECT_EQ(decode.metric, "decode_tokens_per_second");
  EXPECT_NEAR(decode.median_ratio, 1 / 1.05, 0.01);  // fewer tokens a second
  EXPECT_LT(decode.ci->low, decode.ci->high);
  EXPECT_LT(decode.ci->high, 1);
  EXPECT_EQ(decode.verdict, ComparisonVerdict::regression);
}

TEST(AddPaired, PValuesAreSmallWhereThereIsAChange) {
  for (const auto& [ratio, changed] : {std::pair{1.05, true}, {0.95, true}, {1.0, false}}) {
    for (const Comparison& comparison : report_of({{session_of(ratio)}, {}}).comparisons) {
      EXPECT_EQ(comparison.p_value.value() < 0.01, changed) << ratio << comparison.metric;
      EXPECT_FALSE(comparison.adjusted_p_value.has_value());
    }
  }
}

TEST(AddPaired, RowsHoldEveryRunOfTheirArm) {
  const PairedSession session = session_of(1);
  const Report report = report_of({{session}, {}});
  EXPECT_EQ(report.rows[0].samples.total_seconds.size(), session.pairs.size());
  EXPECT_EQ(report.rows[1].samples.warmup_total_seconds.size(), session.warmup.size());
  EXPECT_EQ(report.rows[1].samples.total_seconds.front(), session.pairs.front().b.front().total_seconds);
  EXPECT_EQ(report.rows[0].stop, StopReason::converged);
}

TEST(AddPaired, AFailedArmGivesNoFigureAndNoComparison) {
  PairedSession failed = session_of(1);
  failed.stop = PairedStop::failed;
  const Report report = report_of({{failed}, {}});
  ASSERT_EQ(report.rows.size(), 2U);
  EXPECT_TRUE(report.comparisons.empty());
  for (const Row& row : report.rows) {
    EXPECT_TRUE(row.metrics.empty());
    EXPECT_EQ(row.stop, StopReason::failed);
  }
}

TEST(AddPaired, IsWrittenAndReadAgain) {
  CostProfile profile;
  profile.centres.push_back({"decode", "linear", 10, 0.08, 0.8, 0, 0, 0, 0, std::nullopt});
  profile.wall_seconds = 0.1;
  profile.unattributed_seconds = 0.02;
  const Report report = report_of({{session_of(1.05)}, {{profile, profile}}});
  const Report read = parse_report(to_text(report), "r.json");
  ASSERT_EQ(read.comparisons.size(), 3U);
  EXPECT_EQ(read.comparisons[0].centres.size(), 2U);
  EXPECT_EQ(read.comparisons[0].band, 0.01);
  EXPECT_EQ(read.comparisons[0].processes, 1);
  EXPECT_TRUE(read.comparisons[0].paired);
  EXPECT_EQ(to_text(read), to_text(report));
}

TEST(ConfirmRegressions, OnlyWhatIsSeenTwiceStays) {
  std::vector<Comparison> first = report_of({{session_of(1.05)}, {}}).comparisons;
  const std::vector<Comparison> same = report_of({{session_of(1.0, 7)}, {}}).comparisons;
  std::vector<Comparison> twice = first;
  confirm_regressions(twice, first);
  EXPECT_EQ(twice[0].verdict, ComparisonVerdict::regression);
  EXPECT_EQ(twice[0].confirmed, true);
  confirm_regressions(first, same);
  EXPECT_EQ(first[0].verdict, ComparisonVerdict::inconclusive);
  EXPECT_EQ(first[0].confirmed, false);
  std::vector<Comparison> equal = same;
  confirm_regressions(equal, {});
  EXPECT_EQ(equal[0].verdict, same[0].verdict);
  EXPECT_FALSE(equal[0].confirmed.has_value());
}

TEST(VerdictTable, SaysVerdictIntervalAndWhere) {
  CostProfile before;
  before.centres.push_back({"decode", "linear", 10, 0.08, 0.8, 0, 0, 0, 0, std::nullopt});
  before.unattributed_seconds = 0.02;
  before.wall_seconds = 0.1;
  CostProfile after = before;
  after.centres[0].seconds = 0.09;
  after.wall_seconds = 0.11;
  Report report = report_of({{session_of(1.10)}, std::vector<ProfilePair>(12, {before, after})});
  report.rows[0].capture.name = "call \x1b[31m";
  const std::string text = verdict_table(report);
  EXPECT_NE(text.find("regression"), std::string::npos) << text;
  EXPECT_NE(text.find("total_seconds"), std::string::npos);
  EXPECT_NE(text.find("where call"), std::string::npos);
  EXPECT_NE(text.find("+10.00 ms"), std::string::npos) << text;
  EXPECT_NE(text.find("100.0 %"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(VerdictTable, OfEqualArmsSaysNothingOfWhere) {
  const std::string text = verdict_table(report_of({{session_of(1)}, {}}));
  EXPECT_NE(text.find("equivalent"), std::string::npos) << text;
  EXPECT_EQ(text.find("where"), std::string::npos);
}

TEST(FormatChange, HasASign) {
  EXPECT_EQ(format_change(1.0231), "+2.31 %");
  EXPECT_EQ(format_change(0.5), "-50.00 %");
}

}  // namespace
}  // namespace reprise::harness
