#include "harness/regress/history/formats/otava.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/tests/support/error_of.h"

namespace reprise::harness {
namespace {

using reprise::testing::error_of;
using ::testing::HasSubstr;
using Fields = std::vector<std::string>;

std::vector<ForeignReport> read(const std::string& text, Better better = Better::lower) {
  return read_otava(text, "data/local_sample.csv", better);
}

std::string refusal(const std::string& text) {
  return error_of([&] { read(text); }).what();
}

TEST(Otava, ReadsTheSampleOfItsRepository) {
  const auto reports = read(
      "time,commit,metric1,metric2\n"
      "2026.01.02 3:00:00 +0100,aaa1,138455,10.23\n"
      "2026.01.01 3:00:00 +0100,aaa0,154023,10.43\n");
  ASSERT_EQ(reports.size(), 4U);
  for (const ForeignReport& report : reports) {
    ASSERT_EQ(report.points.size(), 1U);
    EXPECT_EQ(report.points[0].name, "local_sample");
  }
  EXPECT_EQ(reports[0].created, "2026-01-01T02:00:00Z");
  EXPECT_EQ(reports[0].commit, "aaa0");
  EXPECT_EQ(reports[0].branch, "");
  EXPECT_EQ(reports[0].source, "data/local_sample.csv: line 3");
  EXPECT_EQ(reports[0].points[0].metric, "metric1");
  EXPECT_EQ(reports[0].points[0].value, 154023);
  EXPECT_EQ(reports[1].commit, "aaa0");
  EXPECT_EQ(reports[1].points[0].metric, "metric2");
  EXPECT_EQ(reports[1].points[0].value, 10.43);
  EXPECT_EQ(reports[2].commit, "aaa1");
}

TEST(Otava, ColumnsThatHoldNumbersOnlyAreMetrics) {
  // A hash that happens to be a number in one line is none in another.
  const auto reports = read(
      "branch,version,time,p50_seconds,ops_per_second,note,sha\n"
      "main,v1,1769860800,0.5,, ,1234567\n"
      "main,v2,1769860801, +0.25 ,-7e2,,a1b2c3d\n");
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_EQ(reports[0].branch, "main");
  EXPECT_EQ(reports[0].points.at(0).metric, "p50_seconds");
  EXPECT_EQ(reports[0].points[0].better, Better::lower);
  EXPECT_EQ(reports[1].points.at(0).metric, "p50_seconds");
  EXPECT_EQ(reports[1].points[0].value, 0.25);
  EXPECT_EQ(reports[2].points.at(0).metric, "ops_per_second");
  EXPECT_EQ(reports[2].points[0].value, -700);
  EXPECT_EQ(reports[2].points[0].better, Better::higher);
  EXPECT_TRUE(read("time\n").empty());
}

TEST(Otava, ColumnsCanBeChosen) {
  const std::string text = "time,build_id,m,n\n1769860800,77,1,fast\n1769860801,78,2,3\n";
  const auto chosen = [&](const Fields& columns) {
    return read_otava(text, "o.csv", Better::lower, columns);
  };
  EXPECT_EQ(read(text).size(), 4U);  // of build_id too
  ASSERT_EQ(chosen({"m"}).size(), 2U);
  EXPECT_EQ(chosen({"m"})[1].points.at(0).metric, "m");
  const auto refused = [&](const Fields& columns) {
    return std::string(error_of([&] { chosen(columns); }).what());
  };
  EXPECT_EQ(refused({"m", "n"}), "o.csv: line 2: n: expected a number up to 1e+300, found 'fast'");
  EXPECT_EQ(refused({"m", "p"}),
            "o.csv: line 1: p: expected a column of this name with figures, found 'none'");
  EXPECT_EQ(refused({"time"}),
            "o.csv: line 1: time: expected a column of this name with figures, found 'none'");
}

TEST(Otava, RefusesWhatBreaksTheFormat) {
  const std::string file = "data/local_sample.csv: ";
  EXPECT_EQ(refusal(""), file + "expected a line of column names, found nothing");
  EXPECT_EQ(refusal("commit,m\na,1\n"), file + "line 1: time: expected a column of this name, found 'none'");
  EXPECT_EQ(refusal("time,m,m\n0,1,2\n"), file + "line 1: m: expected each column once, found 'm'");
  EXPECT_EQ(refusal("time,m\nnow,1\n"),
            file + "line 2: time: expected a time such as 2026-01-31T12:00:00Z, found 'now'");
  for (const char* value : {"nan", "inf", "-inf", "1e999", "1e301"}) {
    EXPECT_EQ(refusal("time,m\n2026-01-01,1\n2026-01-02," + std::string(value) + "\n"),
              file + "line 3: m: expected a number up to 1e+300, found '" + value + "'");
  }
  EXPECT_EQ(refusal("time,m\n2026-01-01,1\n\"a\nb\",1\n"),
            file + "line 3: time: expected a time such as 2026-01-31T12:00:00Z, found 'a\\x0ab'");
}

TEST(Otava, ReadsWhatItWrites) {
  const ForeignPoint total = {"call, \"x\"", "total_seconds", "s", Better::lower, 0.1, {}, 12};
  const ForeignPoint rate = {"call", "tokens_per_second", "1/s", Better::higher, 1.0 / 3, {}, 12};
  const std::vector<ForeignReport> reports = {{"2026-01-01T00:00:00Z", "a", "main", "m", {total, rate}},
                                              {"2026-01-02T00:00:00Z", "b", "main", "m", {total}},
                                              {"2026-01-03T00:00:00Z", "c,\n", "x", "m", {rate, total}}};
  const ForeignFile file = write_otava(reports);
  EXPECT_EQ(file.left_out, 1U);
  EXPECT_EQ(file.text.substr(0, file.text.find('\n')),
            "time,commit,branch,\"call, \"\"x\"\"/total_seconds\",call/tokens_per_second");
  const auto again = read(file.text);
  ASSERT_EQ(again.size(), 4U);
  EXPECT_EQ(again[0].created, "2026-01-01T00:00:00Z");
  EXPECT_EQ(again[0].commit, "a");
  EXPECT_EQ(again[2].commit, "c,\n");
  EXPECT_EQ(again[2].branch, "x");
  EXPECT_EQ(again[2].points.at(0).value, 0.1);
  EXPECT_EQ(again[3].points.at(0).value, 1.0 / 3);
  EXPECT_EQ(again[3].points.at(0).metric, "call/tokens_per_second");
}

TEST(Otava, ReportsOfOnePlaceAreOneRun) {
  const auto report = [](const char* created, const char* commit, const char* branch, const char* metric,
                         double value) {
    return ForeignReport{created, commit, branch, "m", {{"call", metric, "", Better::lower, value, {}, 0}}};
  };
  const std::vector<ForeignReport> reports = {report("2026-01-01T00:00:00Z", "a", "main", "x", 1),
                                              report("2026-01-01T00:00:00Z", "b", "main", "x", 2),
                                              report("2026-01-01T00:00:00Z", "a", "main", "y", 3),
                                              report("2026-01-01T00:00:00Z", "a", "topic", "y", 4),
                                              report("2026-01-01T00:00:00Z", "a", "main", "x", 5),
                                              report("2026-01-02T00:00:00Z", "a", "main", "y", 6),
                                              report("2026-01-01T00:00:00Z", "a", "main", "y", 7)};
  const ForeignFile file = write_otava(reports);
  EXPECT_EQ(file.text,
            "time,commit,branch,call/x,call/y\n"
            "2026-01-01T00:00:00Z,a,main,1,3\n"
            "2026-01-01T00:00:00Z,a,main,5,7\n");
  EXPECT_EQ(file.left_out, 3U);
}

TEST(Otava, AnEmptyFileIsNoExport) {
  const ForeignPoint x = {"call", "x", "", Better::lower, 1, {}, 0};
  const ForeignPoint y = {"call", "y", "", Better::lower, 1, {}, 0};
  const std::vector<ForeignReport> reports = {{"2026-01-01T00:00:00Z", "a", "", "m", {x}},
                                              {"2026-01-02T00:00:00Z", "b", "", "m", {y}},
                                              {"2026-01-03T00:00:00Z", "c", "", "m", {y}}};
  EXPECT_STREQ(error_of([&] { write_otava(reports); }).what(),
               "export: expected a run with a figure in every column, found none: 'call/x' has one in 1 of 3 "
               "runs; choose series with --filter");
  EXPECT_EQ(write_otava({}).text, "time,commit,branch\n");
}

}  // namespace
}  // namespace reprise::harness
