/// Its tables over builds: older and newer ones, and ones that hold what no history wrote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/regress/history/migrations.h"
#include "harness/tests/support/history_test.h"

namespace reprise::harness {
namespace {

using ::testing::HasSubstr;

template <class Backend>
class HistorySchemaTest : public HistoryTest<Backend> {};

TYPED_TEST_SUITE(HistorySchemaTest, HistoryDatabases, DatabaseNames);

TYPED_TEST(HistorySchemaTest, DoesNotMakeWhatItShouldRead) {
  const std::string refusal = refusal_of([&] { this->open(OpenMode::existing); });
  EXPECT_THAT(refusal, HasSubstr("expected a history, found no"));
  EXPECT_NO_THROW(this->open(OpenMode::create));
  EXPECT_NO_THROW(this->open(OpenMode::existing));
}

TYPED_TEST(HistorySchemaTest, RefusesANewerSchema) {
  this->open();
  this->run_sql("insert into reprise_migration (version) values (99)");
  for (const OpenMode mode : {OpenMode::existing, OpenMode::create}) {
    EXPECT_THAT(refusal_of([&] { this->open(mode); }),
                HasSubstr(": schema version: expected at most 1, found 99, by a newer reprise"));
  }
}

TYPED_TEST(HistorySchemaTest, MigratesAnOlderSchemaWithItsData) {
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
  EXPECT_THAT(refusal_of([&] { this->open(OpenMode::existing); }), HasSubstr("expected at most 1, found 2"));
}

TYPED_TEST(HistorySchemaTest, AMigrationThatFailsChangesNothing) {
  this->open();
  std::vector<Migration> steps(migrations().begin(), migrations().end());
  steps.push_back({2, {"create table reprise_note (id {id})", "create nonsense"}});
  Database database = this->database();
  EXPECT_THAT(refusal_of([&] { migrate(database, OpenMode::existing, steps); }), HasSubstr("syntax error"));
  EXPECT_EQ(this->count("reprise_migration"), 1);
  EXPECT_NO_THROW(this->run_sql("create table reprise_note (id integer)"));
}

TYPED_TEST(HistorySchemaTest, ChecksWhatTheDatabaseHolds) {
  History history = this->open();
  history.add(submission_of(report_of(0.1), "abc"));
  this->run_sql("update reprise_report set created = 'once'");
  EXPECT_THAT(refusal_of([&] { history.tracks(); }),
              HasSubstr("expected the time of its report, found 'once'"));
  this->run_sql("update reprise_report set created = '2026-01-31T12:00:00Z'");
  this->run_sql(std::is_same_v<TypeParam, Sqlite> ? "update reprise_point set value = 9e999"
                                                  : "update reprise_point set value = 'infinity'");
  EXPECT_THAT(refusal_of([&] { history.tracks(); }), HasSubstr("expected numbers up to 1e+300, found inf"));
  const auto refusal_of_point = [&](const std::string& change) {
    this->run_sql("update reprise_point set value = 1, ci_low = 1, ci_high = 2, n = 3");
    EXPECT_NO_THROW(history.tracks());
    this->run_sql("update reprise_point set " + change);
    return refusal_of([&] { history.tracks(); });
  };
  EXPECT_THAT(refusal_of_point("value = -1e308"), HasSubstr("expected numbers up to 1e+300, found -1e+308"));
  EXPECT_THAT(refusal_of_point("ci_high = 1e308"), HasSubstr("expected numbers up to 1e+300, found 1e+308"));
  EXPECT_THAT(refusal_of_point("ci_low = 2.5"),
              HasSubstr("expected the lower end first, found 2.5 before 2"));
  EXPECT_THAT(refusal_of_point("ci_low = null"), HasSubstr("ci: expected both ends or none, found one"));
  EXPECT_THAT(refusal_of_point("n = -1"), HasSubstr("n: expected a whole number from 0, found -1"));
  this->run_sql("update reprise_series set better = 'sideways'");
  EXPECT_THAT(refusal_of([&] { history.series(); }),
              HasSubstr("better: expected lower or higher, found 'sideways'"));
  this->run_sql("drop table reprise_point");
  this->run_sql("update reprise_series set better = 'lower'");
  EXPECT_THAT(refusal_of([&] { history.tracks(); }), HasSubstr("reprise_point"));
}

}  // namespace
}  // namespace reprise::harness
