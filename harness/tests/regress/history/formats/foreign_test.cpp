#include "harness/regress/history/formats/foreign.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/tests/support/error_of.h"
#include "harness/regress/fingerprint.h"
#include "harness/report/report_json.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

using reprise::testing::error_of;

Track track_of(const std::string& capture, const std::string& metric, std::vector<Point> points) {
  Track track;
  track.series.capture_name = capture;
  track.series.metric = metric;
  track.series.unit = "s";
  track.series.machine_description = "m";
  track.branch = points.front().branch;
  track.points = std::move(points);
  return track;
}

/// Of the report of that commit.
Point point_of(const std::string& created, const std::string& commit, double value, std::int64_t id = 0) {
  Point point;
  point.id = id;
  point.created = created;
  point.commit = commit;
  point.report_digest = "digest of " + commit;
  point.value = value;
  return point;
}

TEST(Foreign, ReportsBehindTracksAreInOrderOfTime) {
  const auto reports = foreign_reports_of(std::vector<Track>{
      track_of("a", "x", {point_of("2026-01-01", "1", 1), point_of("2026-01-03", "3", 3)}),
      track_of("b", "y", {point_of("2026-01-02", "2", 2), point_of("2026-01-03", "3", 4)})});
  ASSERT_EQ(reports.size(), 3U);
  EXPECT_EQ(reports[0].commit, "1");
  EXPECT_EQ(reports[1].commit, "2");
  EXPECT_EQ(reports[2].commit, "3");
  ASSERT_EQ(reports[2].points.size(), 2U);
  EXPECT_EQ(reports[2].points[1].name, "b");
  EXPECT_EQ(reports[2].points[1].value, 4);
}

TEST(Foreign, ReportsOfOneSecondAreInTheOrderInWhichTheyCame) {
  // Their digests would sort the other way round. The second came without the metric that the first begins
  // with.
  Track x = track_of("a", "x", {point_of("2026-01-01", "z", 1, 2)});
  Track y = track_of("a", "y", {point_of("2026-01-01", "z", 2, 3), point_of("2026-01-01", "b", 3, 5)});
  const auto reports = foreign_reports_of(std::vector<Track>{y, x});
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].commit, "z");
  EXPECT_EQ(reports[0].points.size(), 2U);
  EXPECT_EQ(reports[1].commit, "b");
  EXPECT_EQ(newest_of(reports).commit, "b");
}

TEST(Foreign, TwoSeriesOfOneNameAreNotMixed) {
  const auto refusal = [](auto change) {
    Track other = track_of("a", "x", {point_of("2026-01-01", "2", 2)});
    change(other.series);
    const std::vector<Track> tracks = {track_of("a", "x", {point_of("2026-01-01", "1", 1)}), other};
    return std::string(error_of([&] { foreign_reports_of(tracks); }).what());
  };
  EXPECT_EQ(refusal([](Series& s) { s.capture_id = "sha256:12"; }),
            "export: a x: expected one series, found two, of the captures '' and 'sha256:12'; choose with "
            "--filter");
  EXPECT_EQ(refusal([](Series& s) { s.model_sha256 = "89ab"; }),
            "export: a x: expected one series, found two, of the models '' and '89ab'; choose with --filter");
  EXPECT_EQ(
      refusal([](Series& s) { s.machine = "77"; }),
      "export: a x: expected one series, found two, of the machines '' and '77'; choose with --machine");
  // One series on two branches is one.
  Track topic = track_of("a", "x", {point_of("2026-01-01", "2", 2)});
  topic.branch = "topic";
  EXPECT_EQ(
      foreign_reports_of(std::vector<Track>{track_of("a", "x", {point_of("2026-01-01", "1", 1)}), topic})
          .size(),
      2U);
}

TEST(Foreign, TheNewestFigureOfEachMetric) {
  const auto reports = foreign_reports_of(
      std::vector<Track>{track_of("a", "x", {point_of("2026-01-01", "1", 1), point_of("2026-01-03", "3", 3)}),
                         track_of("b", "y", {point_of("2026-01-02", "2", 2)})});
  const ForeignReport newest = newest_of(reports);
  EXPECT_EQ(newest.commit, "3");
  ASSERT_EQ(newest.points.size(), 2U);
  EXPECT_EQ(newest.points[0].value, 3);
  EXPECT_EQ(newest.points[1].value, 2);
  EXPECT_TRUE(newest_of({}).points.empty());
}

TEST(Foreign, FiguresOfSeveralMachinesOrBranchesAreNotMixed) {
  std::vector<ForeignReport> reports(2);
  reports[0].machine = "m1";
  reports[1].machine = "m2";
  const auto refusal = [&](ForeignFormat format) {
    return std::string(error_of([&] { write_foreign(format, reports, Better::lower); }).what());
  };
  for (const ForeignFormat format : {ForeignFormat::google_benchmark, ForeignFormat::bencher,
                                     ForeignFormat::github_action, ForeignFormat::otava}) {
    EXPECT_EQ(refusal(format),
              "export: expected figures of one machine, found 'm1' and 'm2'; choose with --machine");
  }
  reports[1].machine = "m1";
  reports[1].branch = "topic";
  EXPECT_EQ(refusal(ForeignFormat::bencher),
            "export: expected figures of one branch, found '' and 'topic'; choose with --branch");
  EXPECT_NE(write_foreign(ForeignFormat::otava, reports, Better::lower).text, "");
}

TEST(Foreign, SubmissionsTakeWhatTheFileSaysThenWhatTheUserSays) {
  ForeignReport report;
  report.points = {{"B", "real_time", "s", Better::lower, 2, Interval{1, 3}, 5}};
  const ForeignDefaults defaults = {"2026-01-31T12:00:00Z", "abc", "main", ""};
  const Submission plain = submission_of(report, ForeignFormat::bencher, defaults);
  EXPECT_EQ(plain.created, "2026-01-31T12:00:00Z");
  EXPECT_EQ(plain.commit, "abc");
  EXPECT_EQ(plain.branch, "main");
  EXPECT_EQ(plain.tool, "bmf");
  ASSERT_EQ(plain.figures.size(), 1U);
  const Figure& figure = plain.figures[0];
  EXPECT_EQ(figure.series.capture_name, "B");
  EXPECT_EQ(figure.series.metric, "real_time");
  EXPECT_EQ(figure.series.machine, machine_fingerprint("imported"));
  EXPECT_EQ(figure.value, 2);
  EXPECT_EQ(figure.ci, (Interval{1, 3}));
  EXPECT_EQ(figure.n, 5);

  report.created = "2025-01-01T00:00:00Z";
  report.commit = "def";
  report.branch = "topic";
  report.machine = "8 processors";
  const Submission said = submission_of(report, ForeignFormat::bencher, defaults);
  EXPECT_EQ(said.created, "2025-01-01T00:00:00Z");
  EXPECT_EQ(said.commit, "def");
  EXPECT_EQ(said.branch, "topic");
  EXPECT_EQ(said.figures[0].series.machine_description, "8 processors");
  const Submission better = submission_of(report, ForeignFormat::bencher, {"", "", "", "runner-3"});
  EXPECT_EQ(better.figures[0].series.machine_description, "runner-3");
}

TEST(Foreign, TheDigestIsThatOfTheFiguresAndTheirPlace) {
  ForeignReport report;
  report.points = {{"B", "real_time", "s", Better::lower, 2, {}, 5}};
  const auto digest = [&](const ForeignDefaults& defaults, ForeignFormat format = ForeignFormat::bencher) {
    return submission_of(report, format, defaults).digest;
  };
  // The time of importing is not a part of it, or a file could be imported again and again.
  EXPECT_EQ(digest({"2026-01-31T12:00:00Z", "abc", "", ""}), digest({"2026-02-01T12:00:00Z", "abc", "", ""}));
  std::set<std::string> digests = {digest({"", "abc", "", ""}), digest({"", "def", "", ""}),
                                   digest({"", "abc", "main", ""}), digest({"", "abc", "", "m"}),
                                   digest({"", "abc", "", ""}, ForeignFormat::otava)};
  report.points[0].value = 3;
  digests.insert(digest({"", "abc", "", ""}));
  EXPECT_EQ(digests.size(), 6U);
}

TEST(Foreign, AColumnMoreDoesNotMakeTheOthersNew) {
  const auto digests = [](const std::string& text) {
    std::set<std::string> all;
    for (const ForeignReport& report : read_foreign(ForeignFormat::otava, text, "o.csv", Better::lower)) {
      const Submission submission = submission_of(report, ForeignFormat::otava, {"", "abc", "", ""});
      EXPECT_EQ(submission.figures.size(), 1U);
      all.insert(submission.digest);
    }
    return all;
  };
  const auto before = digests("time,a,b\n2026-01-01,1,2\n2026-01-02,1,\n");
  const auto after = digests("time,c,a,b\n2026-01-01,5,1,2\n2026-01-02,5,1,\n2026-01-03,5,1,2\n");
  EXPECT_EQ(before.size(), 3U);
  EXPECT_EQ(after.size(), 8U);
  EXPECT_TRUE(std::includes(after.begin(), after.end(), before.begin(), before.end()));
}

TEST(Foreign, ErrorsNameTheFileAndWhereInIt) {
  const auto source = [](ForeignFormat format, const std::string& text) {
    return submission_of(read_foreign(format, text, "f", Better::lower).at(0), format, {}).source;
  };
  EXPECT_EQ(source(ForeignFormat::otava, "time,a\n2026-01-02,\n2026-01-01,1\n"), "f: line 3");
  EXPECT_EQ(source(ForeignFormat::bencher, "{}"), "f");
}

TEST(Foreign, BenchmarkNamesAreOneWord) {
  const Submission submission = [] {
    Report report = sample_report();
    report.rows.resize(1);
    report.comparisons.clear();
    return submission_of(nlohmann::json::parse(to_text(report)), "report.json");
  }();
  EXPECT_EQ(benchmark_name(submission.figures.at(0).series),
            "chat-1/reference/scalar/f32/kv-f32/threads-2/exact");
  Series imported;
  imported.capture_name = "BM_A/64";
  EXPECT_EQ(benchmark_name(imported), "BM_A/64");
  imported.placement = "{broken";
  EXPECT_EQ(benchmark_name(imported), "BM_A/64/{broken");
}

TEST(Foreign, MetricsTellTheirDirection) {
  EXPECT_EQ(direction_of("decode_tokens_per_second", Better::lower), Better::higher);
  EXPECT_EQ(direction_of("throughput", Better::lower), Better::higher);
  EXPECT_EQ(direction_of("total_seconds", Better::higher), Better::lower);
  EXPECT_EQ(direction_of("latency", Better::higher), Better::lower);
  EXPECT_EQ(direction_of("size", Better::higher), Better::higher);
}

}  // namespace
}  // namespace reprise::harness
