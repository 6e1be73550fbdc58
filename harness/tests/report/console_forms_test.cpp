/// What standard output can get besides the table: colours, values with commas, annotations.
#include <gtest/gtest.h>

#include <string>

#include "harness/report/colours.h"
#include "harness/report/console.h"
#include "harness/report/github_annotations.h"
#include "harness/report/report_csv.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

/// Text without escape sequences.
std::string plain(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = text.find('m', i);
    } else {
      result += text[i];
    }
  }
  return result;
}

TEST(Coloured, CellsOfVerdictsAndNothingElse) {
  EXPECT_EQ(coloured("capture  identical\n"), "capture  \x1b[32midentical\x1b[0m\n");
  EXPECT_EQ(coloured("x  DIFFER @12  y\n"), "x  \x1b[31mDIFFER\x1b[0m @12  y\n");
  EXPECT_EQ(coloured("x  NO (budget)\n"), "x  \x1b[33mNO (budget)\x1b[0m\n");
  EXPECT_EQ(coloured("x  regression, twice\n"), "x  \x1b[31mregression\x1b[0m, twice\n");
  for (const char* text : {"no regression here", "identicals", "an identical twin", "  identically"}) {
    EXPECT_EQ(coloured(text), text);
  }
}

TEST(Coloured, WithoutItsColoursTheTextIsTheSame) {
  const std::string table = comparison_table(sample_report());
  EXPECT_NE(coloured(table), table);
  EXPECT_EQ(plain(coloured(table)), table);
}

Report small_report() {
  Report report;
  report.rows = {fixed_row("cpu", "avx512", "f32", 2)};
  report.rows[0].stop = StopReason::converged;
  std::map<std::string, Metric> metrics;
  metrics["total_seconds"] = report.rows[0].metrics.at("total_seconds");
  report.rows[0].metrics = metrics;
  return report;
}

TEST(ReportCsv, ALineARow) {
  Report report = small_report();
  report.rows.push_back(report.rows[0]);
  report.rows[1].capture.name = "a \"b\", c";
  report.rows[1].metrics.clear();
  report.rows[1].verification.verdict = OutputVerdict::differs;
  report.rows[1].stop = StopReason::failed;
  EXPECT_EQ(
      report_csv(report),
      "capture,model,backend,isa,precision,kv_cache,kv_precision,threads,numerics,outputs,total_seconds,"
      "total_seconds_low,total_seconds_high,runs,stop\n"
      "chat-1,tiny,cpu,avx512,f32,on,f32,2,exact,identical,2,1.984375,2.015625,12,converged\n"
      "\"a \"\"b\"\", c\",tiny,cpu,avx512,f32,on,f32,2,exact,differs,,,,12,failed\n");
}

TEST(ReportCsv, ALineAComparison) {
  Report report = small_report();
  report.rows.push_back(report.rows[0]);
  report.comparisons = {
      {0, 1, "total_seconds", 1.0625, Interval{1.05, 1.07}, ComparisonVerdict::regression, 40, 0.02},
      {0, 1, "decode_tokens_per_second", 1, std::nullopt, ComparisonVerdict::inconclusive, 3, {}}};
  EXPECT_EQ(
      report_csv(report),
      "capture,model,backend,isa,precision,kv_cache,kv_precision,threads,numerics,metric,verdict,ratio,"
      "ratio_low,ratio_high,pairs,minimum_detectable_effect,paired\n"
      "chat-1,tiny,cpu,avx512,f32,on,f32,2,exact,total_seconds,regression,1.0625,1.05,1.07,40,0.02,yes\n"
      "chat-1,tiny,cpu,avx512,f32,on,f32,2,exact,decode_tokens_per_second,inconclusive,1,,,3,,yes\n");
}

TEST(GithubAnnotations, NothingToSayIsNothing) {
  EXPECT_EQ(github_annotations(small_report()), "");
}

TEST(GithubAnnotations, ACommandAFinding) {
  Report report = small_report();
  report.rows.push_back(report.rows[0]);
  report.rows[0].stop = StopReason::budget;
  report.rows[1].capture.name = "50 %\n::error::evil";
  report.rows[1].verification.verdict = OutputVerdict::differs;
  report.comparisons = {
      {0, 0, "total_seconds", 1.0625, Interval{1.05, 1.07}, ComparisonVerdict::regression, 40, 0.02},
      {0, 0, "total_seconds", 1, Interval{1, 1}, ComparisonVerdict::equivalent, 40, 0.02}};
  EXPECT_EQ(
      github_annotations(report),
      "::warning title=not converged::chat-1 on cpu avx512 f32, KV cache f32, 2 threads, exact: the budget "
      "ran "
      "out before the interval was narrow\n"
      "::error title=outputs differ::50 %25\\x0a::error::evil on cpu avx512 f32, KV cache f32, 2 threads, "
      "exact: outputs are not what the replay demands\n"
      "::error title=regression::chat-1 on cpu avx512 f32, KV cache f32, 2 threads, exact: total_seconds "
      "+6.25 %25 (+5.00 %25 .. +7.00 %25), 40 pairs, could have seen 2.0 %25\n");
}

}  // namespace
}  // namespace reprise::harness
