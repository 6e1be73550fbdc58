#include "harness/regress/history/history.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "harness/regress/fingerprint.h"
#include "harness/tests/support/history_test.h"

namespace reprise::harness {
namespace {

TYPED_TEST_SUITE(HistoryTest, HistoryDatabases, DatabaseNames);

TYPED_TEST(HistoryTest, GivesBackWhatWasAdded) {
  History history = this->open();
  const AddResult result = history.add(submission_of(report_of(0.1), "abc", "main"));
  EXPECT_TRUE(result.added);
  EXPECT_EQ(result.commit, "abc");
  EXPECT_EQ(result.points, 2U);
  EXPECT_EQ(result.new_series, 2U);

  const std::vector<Series> series = history.series();
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].metric, "decode_tokens_per_second");
  EXPECT_EQ(series[0].better, Better::higher);
  EXPECT_EQ(series[0].unit, "tokens/s");
  const Series& total = series[1];
  EXPECT_EQ(total.metric, "total_seconds");
  EXPECT_EQ(total.better, Better::lower);
  EXPECT_EQ(total.capture_id, "sha256:0123");
  EXPECT_EQ(total.capture_name, "chat-1");
  EXPECT_EQ(total.model_name, "tiny");
  EXPECT_EQ(total.model_sha256, "89ab");
  EXPECT_EQ(placement_label(total.placement), "cpu avx512 bf16, KV cache f32, 2 threads, exact");
  EXPECT_EQ(total.machine, machine_fingerprint(report_of(1).machine));
  EXPECT_EQ(total.machine_description, "Fake CPU 9000, avx512, 2 cores, 8 GiB, Fake GNU/Linux");

  const std::vector<Point> points = history.points(total.id);
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(points[0].commit, "abc");
  EXPECT_EQ(points[0].branch, "main");
  EXPECT_EQ(points[0].created, "2026-01-31T12:00:00Z");
  EXPECT_EQ(points[0].value, 0.1);  // every bit
  EXPECT_EQ(points[0].ci, (Interval{0.1 - 0.1 / 128, 0.1 + 0.1 / 128}));
  EXPECT_EQ(points[0].n, 12);
  EXPECT_EQ(points[0].tool, "reprise 0.1.0");
  EXPECT_EQ(points[0].report_digest.size(), 64U);
}

TYPED_TEST(HistoryTest, KeepsEveryBitOfFigures) {
  History history = this->open();
  const std::vector<double> values = {
      0.1, 1.0 / 3, 5e-324, 2.2250738585072014e-308, -0.5, 1e300, 1.7976931348623157e299};
  for (const double value : values) {
    Report report = report_of(0.1);
    report.rows[0].metrics.at("total_seconds").value = value;
    history.add(submission_of(report, "abc"));
  }
  const std::vector<Point> points = history.points(history.series().at(1).id);
  ASSERT_EQ(points.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(points[i].value, values[i]);
  }
}

TYPED_TEST(HistoryTest, TakesTheCommitOfTheBuild) {
  History history = this->open();
  EXPECT_EQ(history.add(submission_of(report_of(0.1))).commit, "697503a");
  Report dirty = report_of(0.2);
  dirty.tool.dirty = true;
  EXPECT_EQ(history.add(submission_of(dirty)).commit, "697503a-dirty");
}

TYPED_TEST(HistoryTest, ABuildOutsideACheckoutHasNoCommit) {
  History history = this->open();
  for (const char* commit : {"unknown", ""}) {
    for (const bool dirty : {false, true}) {
      Report report = report_of(0.1);
      report.tool.git_commit = commit;
      report.tool.dirty = dirty;
      EXPECT_EQ(refusal_of([&] { history.add(submission_of(report)); }),
                "report.json: commit: expected one in the file or by --commit, found none");
      EXPECT_EQ(submission_of(report, "abc").commit, "abc");
    }
  }
  EXPECT_EQ(this->count("reprise_report"), 0);
}

TYPED_TEST(HistoryTest, OrdersPointsByTimeThenByArrival) {
  History history = this->open();
  history.add(submission_of(report_of(3, "2026-01-03T00:00:00Z"), "c"));
  history.add(submission_of(report_of(1, "2026-01-01T00:00:00Z"), "a"));
  history.add(submission_of(report_of(2.5, "2026-01-02T00:00:00Z"), "b2"));
  history.add(submission_of(report_of(2, "2026-01-02T01:00:00+01:00"), "b1"));
  std::vector<std::string> commits;
  for (const Point& point : history.points(history.series().at(1).id)) {
    commits.push_back(point.commit);
  }
  EXPECT_EQ(commits, (std::vector<std::string>{"a", "b2", "b1", "c"}));
}

TYPED_TEST(HistoryTest, EveryPartOfTheIdentityStartsASeries) {
  History history = this->open();
  const auto add = [&](auto change) {
    Report report = report_of(0.1);
    change(report);
    return history.add(submission_of(report, "abc")).new_series;
  };
  EXPECT_EQ(add([](Report&) {}), 2U);
  EXPECT_EQ(add([](Report& r) { r.rows[0].capture.id = "sha256:9999"; }), 2U);
  EXPECT_EQ(add([](Report& r) { r.rows[0].capture.name = "chat-2"; }), 2U);
  EXPECT_EQ(add([](Report& r) { r.rows[0].capture.model.sha256 = "77"; }), 2U);
  EXPECT_EQ(add([](Report& r) { r.rows[0].placement.threads = 3; }), 2U);
  EXPECT_EQ(add([](Report& r) { r.machine.cpu = "Fake CPU 9001"; }), 2U);
  EXPECT_EQ(add([](Report& r) { r.machine.governor = "performance"; }), 0U);
  EXPECT_EQ(add([](Report& r) { r.tool.version = "0.2.0"; }), 0U);
}

TYPED_TEST(HistoryTest, RowsWithWrongOutputsHaveNoFigures) {
  Report report = report_of(0.1);
  report.rows[0].verification.verdict = OutputVerdict::differs;
  const AddResult result = this->open().add(submission_of(report));
  EXPECT_TRUE(result.added);
  EXPECT_EQ(result.points, 0U);
}

TYPED_TEST(HistoryTest, TracksAreSeriesOnBranches) {
  History history = this->open();
  history.add(submission_of(report_of(1, "2026-01-01T00:00:00Z"), "a", "main"));
  history.add(submission_of(report_of(2, "2026-01-02T00:00:00Z"), "b", "topic"));
  history.add(submission_of(report_of(3, "2026-01-03T00:00:00Z"), "c", "main"));
  const std::vector<Track> all = history.tracks();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].series.metric, "decode_tokens_per_second");
  EXPECT_EQ(all[0].branch, "main");
  EXPECT_EQ(all[0].points.size(), 2U);
  EXPECT_EQ(all[1].branch, "topic");
  EXPECT_EQ(all[1].points.size(), 1U);
  EXPECT_EQ(history.tracks({"topic", ""}).size(), 2U);
  EXPECT_EQ(history.tracks({"", ""}).size(), 0U);
  EXPECT_EQ(history.tracks({std::nullopt, "total_sec"}).size(), 2U);
  EXPECT_EQ(history.tracks({"main", "avx512 bf16"}).size(), 2U);
  EXPECT_EQ(history.tracks({"main", "avx2"}).size(), 0U);
  EXPECT_EQ(history.tracks({"main", "sha256:01"}).size(), 2U);
  EXPECT_EQ(history.tracks({"main", "89ab"}).size(), 2U);
  EXPECT_EQ(history.tracks({"main", "", all[0].series.machine}).size(), 2U);
  EXPECT_EQ(history.tracks({"main", "", "Fake CPU"}).size(), 2U);
  EXPECT_EQ(history.tracks({"main", "", "Other CPU"}).size(), 0U);
}

TYPED_TEST(HistoryTest, CanBeMoved) {
  History first = this->open();
  History second = std::move(first);
  EXPECT_TRUE(second.add(submission_of(report_of(0.1), "abc")).added);
  EXPECT_EQ(second.tracks().size(), 2U);
}

}  // namespace
}  // namespace reprise::harness
