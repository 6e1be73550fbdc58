/// What a history refuses, and several writers at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "harness/tests/support/history_test.h"

namespace reprise::harness {
namespace {

using ::testing::HasSubstr;

template <class Backend>
class HistoryAddTest : public HistoryTest<Backend> {};

TYPED_TEST_SUITE(HistoryAddTest, HistoryDatabases, DatabaseNames);

TYPED_TEST(HistoryAddTest, AddsAReportOnce) {
  History history = this->open();
  EXPECT_TRUE(history.add(submission_of(report_of(0.1), "abc", "main")).added);
  const AddResult again = history.add(submission_of(report_of(0.1), "def", "other"));
  EXPECT_FALSE(again.added);
  EXPECT_EQ(again.commit, "abc");
  EXPECT_EQ(again.points, 0U);
  EXPECT_EQ(this->count("reprise_point"), 2);
  // Also by another process, later.
  EXPECT_FALSE(this->open(OpenMode::existing).add(submission_of(report_of(0.1))).added);
  EXPECT_TRUE(history.add(submission_of(report_of(0.1, "2026-01-31T12:00:01Z"), "abc")).added);
  EXPECT_EQ(this->count("reprise_point"), 4);
  EXPECT_EQ(this->count("reprise_series"), 2);
}

TYPED_TEST(HistoryAddTest, NamesAreDataNotStatements) {
  const std::string evil =
      "x'); drop table reprise_point; -- :value \"$1\" {id} \xc3\xa9\xf0\x9f\x92\xa5\n%s\\";
  Report report = report_of(0.1);
  report.rows[0].capture.name = evil;
  report.rows[0].capture.model.name = evil;
  report.rows[0].placement.backend = evil;
  report.rows[0].metrics.at("total_seconds").unit = evil;
  report.tool.name = evil;
  report.machine.cpu = evil;
  History history = this->open();
  history.add(submission_of(report, "'; delete from reprise_report; --", "' or 1=1"));
  const std::vector<Track> tracks = history.tracks();
  ASSERT_EQ(tracks.size(), 2U);
  EXPECT_EQ(tracks[1].series.capture_name, evil);
  EXPECT_EQ(tracks[1].series.unit, evil);
  EXPECT_EQ(tracks[1].branch, "' or 1=1");
  EXPECT_EQ(tracks[1].points.at(0).commit, "'; delete from reprise_report; --");
  EXPECT_EQ(tracks[1].points.at(0).tool, evil + " 0.1.0");
  EXPECT_EQ(this->count("reprise_report"), 1);
}

TYPED_TEST(HistoryAddTest, AddsNothingOfWhatIsWrong) {
  History history = this->open();
  const auto refusal = [&](auto change) {
    Submission submission = submission_of(report_of(0.1), "abc");
    change(submission);
    const std::string text = refusal_of([&] { history.add(submission); });
    EXPECT_EQ(text.find("report.json: "), 0U) << text;
    return text.substr(std::string("report.json: ").size());
  };
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const std::string label = "chat-1 total_seconds, cpu avx512 bf16, KV cache f32, 2 threads, exact: ";
  EXPECT_EQ(refusal([](Submission& s) { s.created = "yesterday"; }),
            "created: expected a time such as 2026-01-31T12:00:00Z, found 'yesterday'");
  EXPECT_EQ(refusal([](Submission& s) { s.commit = ""; }),
            "commit: expected one in the file or by --commit, found none");
  EXPECT_EQ(refusal([](Submission& s) { s.commit = "a\nb"; }),
            "commit: expected text on one line, found 'a\\x0ab'");
  EXPECT_EQ(refusal([](Submission& s) { s.branch = "\xff"; }),
            "branch: expected UTF-8 text without a zero byte, found '\\xff'");
  EXPECT_EQ(refusal([](Submission& s) { s.figures[1].series.unit = std::string("s\0x", 3); }),
            label + "unit: expected UTF-8 text without a zero byte, found 's\\x00x'");
  EXPECT_EQ(refusal([](Submission& s) { s.figures[1].value = kNan; }),
            label + "value: expected a number up to 1e+300, found nan");
  EXPECT_EQ(refusal([](Submission& s) { s.figures[1].value = 1.1e300; }).find(label + "value: "), 0U);
  EXPECT_EQ(refusal([](Submission& s) {
              s.figures[1].ci = Interval{0, HUGE_VAL};
            }),
            label + "ci: expected a number up to 1e+300, found inf");
  EXPECT_EQ(refusal([](Submission& s) {
              s.figures[1].ci = Interval{2, 1};
            }),
            label + "ci: expected the lower end first, found 2 before 1");
  EXPECT_EQ(refusal([](Submission& s) { s.figures[1].n = -1; }),
            label + "n: expected a whole number from 0, found -1");
  EXPECT_EQ(this->count("reprise_report"), 0);
}

TYPED_TEST(HistoryAddTest, ASeriesKeepsItsUnitAndDirection) {
  History history = this->open();
  history.add(submission_of(report_of(0.1), "abc"));
  Submission other = submission_of(report_of(0.2), "def");
  other.figures[1].series.better = Better::higher;
  const std::string refusal = refusal_of([&] { history.add(other); });
  EXPECT_THAT(refusal, HasSubstr("total_seconds"));
  EXPECT_THAT(refusal,
              HasSubstr("expected s (lower is better) as in the history, found s (higher is better)"));
  // Nothing of that report is there, not even the series before the wrong one.
  EXPECT_EQ(this->count("reprise_report"), 1);
  EXPECT_EQ(this->count("reprise_point"), 2);
  EXPECT_TRUE(history.add(submission_of(report_of(0.2), "def")).added);
}

TYPED_TEST(HistoryAddTest, ManyProcessesMayAddAtOnce) {
  // All find no tables, all make them, all add the same first report and one of their own.
  constexpr int kProcesses = 4;
  std::vector<std::string> problems(kProcesses);
  std::vector<std::thread> threads;
  const std::string location = this->backend_.location();
  for (int i = 0; i < kProcesses; ++i) {
    threads.emplace_back([&, i] {
      problems[static_cast<std::size_t>(i)] = problem_of([&] {
        History history(location, OpenMode::create);
        history.add(submission_of(report_of(100), "first"));
        for (int j = 0; j < 3; ++j) {
          history.add(submission_of(report_of(i + 0.25 * j + 1), "own"));
        }
      });
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(problems, std::vector<std::string>(kProcesses));
  EXPECT_EQ(this->count("reprise_report"), 1 + 3 * kProcesses);
  EXPECT_EQ(this->count("reprise_series"), 2);
}

TYPED_TEST(HistoryAddTest, WritersMayComeToSeriesInAnyOrder) {
  // Without a lock, two that insert the same new series in opposite orders wait for each other.
  constexpr int kRounds = 5;
  constexpr int kSeries = 60;
  History first = this->open();
  History second = this->open(OpenMode::existing);
  std::barrier start(2);
  const auto add_rounds = [&](History& history, bool reversed) {
    std::string found = problem_of([&] {
      for (int round = 0; round < kRounds; ++round) {
        std::vector<Submission> submissions;
        for (int report = 0; report < 2; ++report) {
          Submission s = submission_of(report_of(1), "abc");
          const Figure figure = s.figures.front();
          s.figures.assign(kSeries, figure);
          for (int i = 0; i < kSeries; ++i) {
            s.figures[static_cast<std::size_t>(i)].series.metric =
                "metric " + std::to_string(kSeries * (2 * round + report) + i);
          }
          s.digest = "report " + std::to_string(report) + " of round " + std::to_string(round) +
                     (reversed ? " reversed" : "");
          if (reversed) {
            std::reverse(s.figures.begin(), s.figures.end());
          }
          submissions.push_back(std::move(s));
        }
        if (reversed) {
          std::reverse(submissions.begin(), submissions.end());
        }
        start.arrive_and_wait();
        history.add(submissions);
      }
    });
    start.arrive_and_drop();  // or the other would wait for one that failed
    return found;
  };
  std::string problem;
  std::thread other([&] { problem = add_rounds(second, true); });
  EXPECT_EQ(add_rounds(first, false), "");
  other.join();
  EXPECT_EQ(problem, "");
  EXPECT_EQ(this->count("reprise_series"), 2 * kRounds * kSeries);
  EXPECT_EQ(this->count("reprise_point"), 4 * kRounds * kSeries);
}

TYPED_TEST(HistoryAddTest, AddsAllReportsOrNone) {
  History history = this->open();
  history.add(submission_of(report_of(0.1), "abc"));
  std::vector<Submission> both = {submission_of(report_of(0.2), "def"), submission_of(report_of(0.3), "ghi")};
  both[0].source = "first.json";
  both[1].source = "second.json";
  both[1].figures[1].series.unit = "ms";
  std::vector<std::size_t> progress;
  const auto add = [&] { return history.add(both, [&](std::size_t done) { progress.push_back(done); }); };
  EXPECT_EQ(refusal_of(add),
            "second.json: chat-1 total_seconds, cpu avx512 bf16, KV cache f32, 2 threads, exact: expected s "
            "(lower is better) as in the history, found ms (lower is better)");
  EXPECT_EQ(progress, (std::vector<std::size_t>{1}));
  both[1].figures[1].series.unit = "s";
  both[1].figures[1].value = HUGE_VAL;
  EXPECT_THAT(refusal_of(add), HasSubstr("second.json: chat-1 total_seconds"));
  for (const char* table : {"reprise_report", "reprise_series", "reprise_point"}) {
    EXPECT_EQ(this->count(table), std::string(table) == "reprise_report" ? 1 : 2) << table;
  }
  both[1].figures[1].value = 1;
  const std::vector<AddResult> results = add();
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[1].commit, "ghi");
  EXPECT_EQ(results[1].points, 2U);
  EXPECT_EQ(this->count("reprise_report"), 3);
  EXPECT_TRUE(history.add(std::vector<Submission>{}).empty());
}

TYPED_TEST(HistoryAddTest, AWriterThatCannotStartLeavesTheConnectionUsable) {
  if (std::is_same_v<TypeParam, Sqlite>) {
    return;  // waits for 30 s
  }
  History history = this->open();
  Database blocker = this->database();
  {
    const Transaction writer(blocker, Transaction::Kind::write);
    Database waiting = this->database();
    waiting.with_session([](soci::session& session) { session << "set lock_timeout to 50"; });
    EXPECT_THAT(refusal_of([&] { Transaction(waiting, Transaction::Kind::write); }),
                HasSubstr("lock timeout"));
    waiting.with_session([](soci::session& session) {
      int n = 0;
      session << "select count(*) from reprise_report", soci::into(n);
    });
  }
  EXPECT_TRUE(history.add(submission_of(report_of(0.1), "abc")).added);
}

}  // namespace
}  // namespace reprise::harness
