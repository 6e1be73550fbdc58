/// One suite over both databases of a history: a SQLite file, and a real PostgreSQL server.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <utility>

#include "engine/core/error.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/error_of.h"
#include "harness/regress/history/database.h"
#include "harness/regress/history/history.h"
#include "harness/report/metric_definitions.h"
#include "harness/report/report_json.h"
#include "harness/tests/support/postgres_server.h"
#include "harness/tests/support/sample_report.h"

namespace reprise::harness {

/// Where tests keep a history: a file of its own for each test.
class Sqlite {
 public:
  static bool installed() { return true; }
  std::string location() { return (folder_ / "a history.sqlite").string(); }

 private:
  engine::ScratchFolder folder_;
};

/// A database of its own for each test, on the server that the test program starts.
class Postgresql {
 public:
  static bool installed() { return testing::PostgresServer::installed(); }
  std::string location() {
    if (location_.empty()) {
      location_ = testing::PostgresServer::instance().fresh_database();
    }
    return location_;
  }

 private:
  std::string location_;
};

/// Of the databases, in the names of tests.
struct DatabaseNames {
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
std::string refusal_of(Function&& function) {
  return testing::error_of(std::forward<Function>(function)).what();
}

/// A report of one row, whose total time is `seconds`.
inline Report report_of(double seconds, const std::string& created = "2026-01-31T12:00:00Z") {
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

inline Submission submission_of(const Report& report, const std::string& commit = "",
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

using HistoryDatabases = ::testing::Types<Sqlite, Postgresql>;

}  // namespace reprise::harness
