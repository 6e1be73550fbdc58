/// One suite over both databases: a SQLite file, and a real PostgreSQL server.
#include "harness/regress/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/error_of.h"
#include "harness/regress/database.h"
#include "harness/regress/fingerprint.h"
#include "harness/regress/migrations.h"
#include "harness/report/metric_definitions.h"
#include "harness/report/report_json.h"
#include "harness/tests/support/postgres_server.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

using reprise::testing::PostgresServer;
using ::testing::HasSubstr;

class Sqlite {
 public:
  static bool installed() { return true; }
  std::string location() { return (folder_ / "a history.sqlite").string(); }

 private:
  engine::ScratchFolder folder_;
};

class Postgresql {
 public:
  static bool installed() { return PostgresServer::installed(); }
  std::string location() {
    if (location_.empty()) {
      location_ = PostgresServer::instance().fresh_database();
    }
    return location_;
  }

 private:
  std::string location_;
};

struct Names {
  template <class T>
  static std::string GetName(int /*index*/) {
    return std::is_same_v<T, Sqlite> ? "Sqlite" : "Postgresql";
  }
};

/// "" when nothing is thrown.
template <class Function>
std::string problem_of(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

template <class Function>
std::string error_of(Function&& function) {
  return reprise::testing::error_of(std::forward<Function>(function)).what();
}

/// A report of one row, whose total time is `seconds`.
Report report_of(double seconds, const std::string& created = "2026-01-31T12:00:00Z") {
  Report report;
  report.created = created;
  report.tool = {"reprise", "0.1.0", "697503a", false, "GNU 12.2.0", "-O3", "Release"};
  report.machine = {"Fake CPU 9000", "avx512", 2, 8LL << 30, "Fake GNU/Linux 12, Linux 6.1.0", true,
                    "unknown",       {},       {}};
  Row row = fixed_row("cpu", "avx512", "bf16", seconds);
  row.metrics.erase(std::string(kTimeToFirstTokenSeconds));
  row.metrics.erase(std::string(kPrefillTokensPerSecond));
  report.rows = {row};
  return report;
}

Submission submission_of(const Report& report, const std::string& commit = "",
                         const std::string& branch = "") {
  return harness::submission_of(nlohmann::json::parse(to_text(report)), "report.json", commit, branch);
}

template <class Backend>
class HistoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Backend::installed()) {
      GTEST_SKIP() << "PostgreSQL is not installed: the history is NOT tested with it (Debian: postgresql)";
    }
  }

  History open(OpenMode mode = OpenMode::create) { return {backend_.location(), mode}; }
  Database database() { return {backend_.location(), OpenMode::existing}; }
  void run_sql(const std::string& sql) {
    Database raw(backend_.location(), OpenMode::create);
    raw.with_session([&](soci::session& session) { session << sql; });
  }
  int count(const std::string& table) {
    Database raw(backend_.location(), OpenMode::create);
    return raw.with_session([&](soci::session& session) {
      int n = -1;
      session << "select count(*) from " + table, soci::into(n);
      return n;
    });
  }

  Backend backend_;
};

using Backends = ::testing::Types<Sqlite, Postgresql>;
TYPED_TEST_SUITE(HistoryTest, Backends, Names);

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

TYPED_TEST(HistoryTest, AddsAReportOnce) {
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
      EXPECT_EQ(error_of([&] { history.add(submission_of(report)); }),
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

TYPED_TEST(HistoryTest, NamesAreDataNotStatements) {
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

TYPED_TEST(HistoryTest, AddsNothingOfWhatIsWrong) {
  History history = this->open();
  const auto refusal = [&](auto change) {
    Submission submission = submission_of(report_of(0.1), "abc");
    change(submission);
    const std::string text = error_of([&] { history.add(submission); });
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

TYPED_TEST(HistoryTest, ASeriesKeepsItsUnitAndDirection) {
  History history = this->open();
  history.add(submission_of(report_of(0.1), "abc"));
  Submission other = submission_of(report_of(0.2), "def");
  other.figures[1].series.better = Better::higher;
  const std::string refusal = error_of([&] { history.add(other); });
  EXPECT_THAT(refusal, HasSubstr("total_seconds"));
  EXPECT_THAT(refusal,
              HasSubstr("expected s (lower is better) as in the history, found s (higher is better)"));
  // Nothing of that report is there, not even the series before the wrong one.
  EXPECT_EQ(this->count("reprise_report"), 1);
  EXPECT_EQ(this->count("reprise_point"), 2);
  EXPECT_TRUE(history.add(submission_of(report_of(0.2), "def")).added);
}

TYPED_TEST(HistoryTest, ManyProcessesMayAddAtOnce) {
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

TYPED_TEST(HistoryTest, WritersMayComeToSeriesInAnyOrder) {
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

TYPED_TEST(HistoryTest, AddsAllReportsOrNone) {
  History history = this->open();
  history.add(submission_of(report_of(0.1), "abc"));
  std::vector<Submission> both = {submission_of(report_of(0.2), "def"), submission_of(report_of(0.3), "ghi")};
  both[0].source = "first.json";
  both[1].source = "second.json";
  both[1].figures[1].series.unit = "ms";
  std::vector<std::size_t> progress;
  const auto add = [&] { return history.add(both, [&](std::size_t done) { progress.push_back(done); }); };
  EXPECT_EQ(error_of(add),
            "second.json: chat-1 total_seconds, cpu avx512 bf16, KV cache f32, 2 threads, exact: expected s "
            "(lower is better) as in the history, found ms (lower is better)");
  EXPECT_EQ(progress, (std::vector<std::size_t>{1}));
  both[1].figures[1].series.unit = "s";
  both[1].figures[1].value = HUGE_VAL;
  EXPECT_THAT(error_of(add), HasSubstr("second.json: chat-1 total_seconds"));
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

TYPED_TEST(HistoryTest, AWriterThatCannotStartLeavesTheConnectionUsable) {
  if (std::is_same_v<TypeParam, Sqlite>) {
    return;  // waits for 30 s
  }
  History history = this->open();
  Database blocker = this->database();
  {
    const Transaction writer(blocker, Transaction::Kind::write);
    Database waiting = this->database();
    waiting.with_session([](soci::session& session) { session << "set lock_timeout to 50"; });
    EXPECT_THAT(error_of([&] { Transaction(waiting, Transaction::Kind::write); }), HasSubstr("lock timeout"));
    waiting.with_session([](soci::session& session) {
      int n = 0;
      session << "select count(*) from reprise_report", soci::into(n);
    });
  }
  EXPECT_TRUE(history.add(submission_of(report_of(0.1), "abc")).added);
}

TYPED_TEST(HistoryTest, DoesNotMakeWhatItShouldRead) {
  const std::string refusal = error_of([&] { this->open(OpenMode::existing); });
  EXPECT_THAT(refusal, HasSubstr("expected a history, found no"));
  EXPECT_NO_THROW(this->open(OpenMode::create));
  EXPECT_NO_THROW(this->open(OpenMode::existing));
}

TYPED_TEST(HistoryTest, RefusesANewerSchema) {
  this->open();
  this->run_sql("insert into reprise_migration (version) values (99)");
  for (const OpenMode mode : {OpenMode::existing, OpenMode::create}) {
    EXPECT_THAT(error_of([&] { this->open(mode); }),
                HasSubstr(": schema version: expected at most 1, found 99, by a newer reprise"));
  }
}

TYPED_TEST(HistoryTest, MigratesAnOlderSchemaWithItsData) {
  this->open().add(submission_of(report_of(0.1), "abc"));
  std::vector<Migration> steps(migrations().begin(), migrations().end());
  steps.push_back(
      {2, {"alter table reprise_report add column note text", "create table reprise_note (id {id})"}});
  Database database = this->database();
  migrate(database, OpenMode::existing, steps);
  EXPECT_EQ(this->count("reprise_report where note is null"), 1);
  EXPECT_EQ(this->count("reprise_note"), 0);
  EXPECT_EQ(this->count("reprise_migration"), 2);
  migrate(database, OpenMode::existing, steps);
  EXPECT_EQ(this->count("reprise_migration"), 2);
  // This build, which knows one step, refuses it from now on.
  EXPECT_THAT(error_of([&] { this->open(OpenMode::existing); }), HasSubstr("expected at most 1, found 2"));
}

TYPED_TEST(HistoryTest, AMigrationThatFailsChangesNothing) {
  this->open();
  std::vector<Migration> steps(migrations().begin(), migrations().end());
  steps.push_back({2, {"create table reprise_note (id {id})", "create nonsense"}});
  Database database = this->database();
  EXPECT_THAT(error_of([&] { migrate(database, OpenMode::existing, steps); }), HasSubstr("syntax error"));
  EXPECT_EQ(this->count("reprise_migration"), 1);
  EXPECT_NO_THROW(this->run_sql("create table reprise_note (id integer)"));
}

TYPED_TEST(HistoryTest, ChecksWhatTheDatabaseHolds) {
  History history = this->open();
  history.add(submission_of(report_of(0.1), "abc"));
  this->run_sql("update reprise_report set created = 'once'");
  EXPECT_THAT(error_of([&] { history.tracks(); }),
              HasSubstr("expected the time of its report, found 'once'"));
  this->run_sql("update reprise_report set created = '2026-01-31T12:00:00Z'");
  this->run_sql(std::is_same_v<TypeParam, Sqlite> ? "update reprise_point set value = 9e999"
                                                  : "update reprise_point set value = 'infinity'");
  EXPECT_THAT(error_of([&] { history.tracks(); }), HasSubstr("expected numbers up to 1e+300, found inf"));
  const auto refusal_of_point = [&](const std::string& change) {
    this->run_sql("update reprise_point set value = 1, ci_low = 1, ci_high = 2, n = 3");
    EXPECT_NO_THROW(history.tracks());
    this->run_sql("update reprise_point set " + change);
    return error_of([&] { history.tracks(); });
  };
  EXPECT_THAT(refusal_of_point("value = -1e308"), HasSubstr("expected numbers up to 1e+300, found -1e+308"));
  EXPECT_THAT(refusal_of_point("ci_high = 1e308"), HasSubstr("expected numbers up to 1e+300, found 1e+308"));
  EXPECT_THAT(refusal_of_point("ci_low = 2.5"),
              HasSubstr("expected the lower end first, found 2.5 before 2"));
  EXPECT_THAT(refusal_of_point("ci_low = null"), HasSubstr("ci: expected both ends or none, found one"));
  EXPECT_THAT(refusal_of_point("n = -1"), HasSubstr("n: expected a whole number from 0, found -1"));
  this->run_sql("update reprise_series set better = 'sideways'");
  EXPECT_THAT(error_of([&] { history.series(); }),
              HasSubstr("better: expected lower or higher, found 'sideways'"));
  this->run_sql("drop table reprise_point");
  this->run_sql("update reprise_series set better = 'lower'");
  EXPECT_THAT(error_of([&] { history.tracks(); }), HasSubstr("reprise_point"));
}

TYPED_TEST(HistoryTest, CanBeMoved) {
  History first = this->open();
  History second = std::move(first);
  EXPECT_TRUE(second.add(submission_of(report_of(0.1), "abc")).added);
  EXPECT_EQ(second.tracks().size(), 2U);
}

}  // namespace
}  // namespace reprise::harness
