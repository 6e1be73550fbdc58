/// reprise history, as users run it: over a SQLite file, and over PostgreSQL. What it stores, finds and
/// prints is tested in harness.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "harness/report/report_json.h"
#include "harness/tests/support/json_schema.h"
#include "harness/tests/support/postgres_server.h"
#include "harness/tests/support/sample_report.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using testing::Arguments;
using testing::CliTest;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;
using testing::read_file;
using testing::write_file;

class HistoryCommand : public CliTest {
 protected:
  HistoryCommand() {
    write_file(path("report.json"), harness::to_text(report(1.0, 1)));
    write_file(path("foreign.json"), R"([{"name": "size", "unit": "B", "value": 7}])");
  }

  /// A report of one row on some day, whose call takes `seconds`.
  static harness::Report report(double seconds, int day) {
    harness::Report report = harness::sample_report();
    report.created = fmt::format("2026-{:02}-{:02}T12:00:00Z", 1 + day / 28, 1 + day % 28);
    report.tool.git_commit = fmt::format("commit{}", day);
    report.rows = {harness::fixed_row("cpu", "avx512", "bf16", seconds)};
    report.comparisons.clear();
    return report;
  }

  /// `n` reports of `before` seconds, then `m` of `after`, in one call.
  void add_days(int n, double before, int m, double after, const Arguments& more = {}) {
    Arguments arguments = {"history", "add", "--branch", "main"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    for (int day = 0; day < n + m; ++day) {
      const std::string file = fmt::format("day{}.json", day);
      const double unrest = 1 + 0.001 * ((day * 7) % 5 - 2);
      write_file(path(file), harness::to_text(report((day < n ? before : after) * unrest, day)));
      arguments.push_back(file);
    }
    output(arguments);
  }
};

TEST_F(HistoryCommand, AddsReportsOnce) {
  EXPECT_EQ(output({"history", "add", "report.json"}),
            "report.json: 4 figures added as commit commit1, 4 new series\n");
  EXPECT_EQ(output({"history", "add", "report.json", "--commit", "abc"}),
            "report.json: already there, as commit commit1: nothing added\n");
  EXPECT_EQ(output({"history", "add", "report.json", "--commit", "abc", "--db", "other.sqlite"}),
            "report.json: 4 figures added as commit abc, 4 new series\n");
  EXPECT_EQ(files(), (std::vector<std::string>{"foreign.json", "other.sqlite", "report.json",
                                               "reprise-history.sqlite"}));
}

TEST_F(HistoryCommand, Lists) {
  output({"history", "add", "report.json", "--branch", "main"});
  const std::string table = output({"history", "list"});
  EXPECT_THAT(table, HasSubstr("total_seconds"));
  EXPECT_THAT(table, HasSubstr("cpu avx512 bf16, KV cache f32, 2 threads, exact"));
  EXPECT_THAT(output({"history", "list", "--filter", "total"}), Not(HasSubstr("decode_tokens")));
  const json document = json::parse(output({"history", "list", "--json", "--branch", "main"}));
  EXPECT_EQ(reprise::testing::JsonSchema("history.schema.json").complaint(document), "");
  EXPECT_EQ(document["tracks"].size(), 4U);
  EXPECT_FALSE(document["tracks"][0].contains("changes"));
}

TEST_F(HistoryCommand, DetectsARegressionAndItsCommits) {
  add_days(20, 1.0, 10, 1.25);
  const Outcome plain = run({"history", "detect", "--filter", "total_seconds"});
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_THAT(plain.out, HasSubstr("regression"));
  EXPECT_THAT(plain.out, HasSubstr("commit19 .. commit20"));
  EXPECT_THAT(plain.out, HasSubstr("+25.0 %"));
  EXPECT_EQ(run({"history", "detect", "--fail-on-regression"}).exit_code, 1);

  const Outcome machine = run({"history", "detect", "--json", "--fail-on-regression"});
  EXPECT_EQ(machine.exit_code, 1);
  const json document = json::parse(machine.out);
  EXPECT_EQ(reprise::testing::JsonSchema("history.schema.json").complaint(document), "");
  for (const json& track : document["tracks"]) {
    EXPECT_TRUE(track["newest_is_regression"]) << track["metric"];
    EXPECT_EQ(track["changes"].at(0)["last_good"]["commit"], "commit19");
    EXPECT_EQ(track["changes"].at(0)["first_changed"]["commit"], "commit20");
  }
  // A quarter is less than a half.
  const Outcome small = run({"history", "detect", "--min-magnitude", "0.5", "--fail-on-regression"});
  EXPECT_EQ(small.exit_code, 0);
  EXPECT_THAT(small.out, HasSubstr("0 changes found"));
  EXPECT_EQ(document["n_too_few_points"], 0);
}

TEST_F(HistoryCommand, AcceptedRegressionsFailNothing) {
  add_days(20, 1.0, 10, 1.25);  // the first slow one on 2026-01-21
  const auto exit_code = [&](const std::string& since) {
    return run({"history", "detect", "--fail-on-regression", "--since", since}).exit_code;
  };
  EXPECT_EQ(exit_code("2026-01-21"), 1);
  EXPECT_EQ(exit_code("2026-01-21T13:00:00+01:00"), 1);
  EXPECT_EQ(exit_code("2026-01-22"), 0);
  expect_error({"history", "detect", "--fail-on-regression", "--since", "now"},
               {"--since: expected a time such as 2026-01-31, found 'now'"});
  expect_error({"history", "detect", "--since", "2026-01-22"},
               {"--since: expected --fail-on-regression beside it"});
}

TEST_F(HistoryCommand, SaysWhenItCouldNotHaveFoundAnything) {
  add_days(5, 1.0, 4, 2.0);
  const Outcome outcome = run({"history", "detect", "--fail-on-regression"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("4 series on 1 branch searched, 0 changes found"));
  EXPECT_THAT(outcome.out, HasSubstr("too few points to show any change: 4 of 4\n"));
}

TEST_F(HistoryCommand, AnImprovementFailsNothing) {
  add_days(15, 1.0, 15, 0.5);
  const Outcome outcome = run({"history", "detect", "--fail-on-regression"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("improvement"));
}

TEST_F(HistoryCommand, BranchesAreApart) {
  add_days(15, 1.0, 0, 0);
  for (int day = 15; day < 30; ++day) {
    write_file(path("topic.json"), harness::to_text(report(2.0 + 0.001 * day, day)));
    output({"history", "add", "topic.json", "--branch", "topic"});
  }
  EXPECT_EQ(run({"history", "detect", "--fail-on-regression"}).exit_code, 0);
  EXPECT_EQ(json::parse(output({"history", "list", "--json", "--branch", "topic"}))["tracks"].size(), 4U);
}

TEST_F(HistoryCommand, WritesASite) {
  add_days(20, 1.0, 10, 1.25);
  EXPECT_EQ(output({"history", "site", "--out", "a/site"}), "a/site/index.html: 4 series on 1 branch\n");
  const std::string page = read_file(path("a/site/index.html"));
  EXPECT_THAT(page, HasSubstr("<!doctype html>"));
  EXPECT_THAT(page, HasSubstr("commit19 .. commit20"));
  const json document = json::parse(read_file(path("a/site/history.json")));
  EXPECT_EQ(reprise::testing::JsonSchema("history.schema.json").complaint(document), "");
  EXPECT_EQ(document["tracks"][0]["points"].size(), 30U);
  output({"history", "site", "--out", "a/site"});  // again, over the old one
}

TEST_F(HistoryCommand, ExportsAndImportsEveryFormat) {
  add_days(3, 1.0, 0, 0);
  for (const char* format : {"gbench", "bmf", "github", "otava"}) {
    SCOPED_TRACE(format);
    const std::string file = std::string("out.") + (std::string(format) == "otava" ? "csv" : "json");
    const Outcome exported = run({"history", "export", "--format", format, "--out", file});
    EXPECT_EQ(exported.exit_code, 0) << exported.err;
    EXPECT_EQ(exported.err,
              std::string(format) == "github" ? "2 figures that the format cannot hold left out\n" : "");
    const Arguments import = {
        "history",  "import", "--format",  format,  file, "--db", std::string(format) + ".sqlite",
        "--commit", "abc",    "--machine", "runner"};
    const std::string added = output(import);
    const int n = std::string(format) == "otava" ? 12 : std::string(format) == "github" ? 2 : -1;
    EXPECT_THAT(added, HasSubstr(n < 0 ? " figures added, " : fmt::format("{0} of {0} figures added, ", n)));
    EXPECT_THAT(added, Not(HasSubstr("the others were there")));
    EXPECT_THAT(output(import),
                ::testing::MatchesRegex(".*: 0 of .* added, 0 new series; the others were there\n"));
    EXPECT_THAT(output({"history", "list", "--json", "--db", std::string(format) + ".sqlite"}),
                HasSubstr("\"description\": \"runner\""));
  }
  const std::string lines = output({"history", "export", "--format", "otava", "--out", "-"});
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 4);
}

TEST_F(HistoryCommand, ImportsAllFilesOrNone) {
  write_file(path("a.json"), R"([{"name": "speed", "unit": "B/s", "value": 1}])");
  write_file(path("b.json"),
             R"([{"name": "other", "unit": "B", "value": 7}, {"name": "size", "unit": "kB", "value": 7}])");
  const Arguments import = {"history", "import", "--format", "github", "--commit", "abc"};
  const auto with = [&](Arguments files) {
    files.insert(files.begin(), import.begin(), import.end());
    return files;
  };
  EXPECT_EQ(output(with({"foreign.json"})), "foreign.json: 1 of 1 figure added, 1 new series\n");
  expect_error(with({"a.json", "b.json"}),
               {"b.json: size value: expected B (lower is better) as in the history, found kB"});
  EXPECT_EQ(json::parse(output({"history", "list", "--json"}))["tracks"].size(), 1U);
  EXPECT_EQ(output(with({"a.json", "foreign.json"})),
            "a.json: 1 of 1 figure added, 1 new series\n"
            "foreign.json: 0 of 1 figure added, 0 new series; the others were there\n");
  // Two reports, of which the second cannot be taken: the first is not there either.
  harness::Report unknown = report(1.0, 2);
  unknown.tool.git_commit = "unknown";
  write_file(path("unknown.json"), harness::to_text(unknown));
  expect_error({"history", "add", "report.json", "unknown.json", "--db", "other.sqlite"},
               {"unknown.json: commit: expected one in the file or by --commit, found none"});
  expect_error({"history", "list", "--db", "other.sqlite"}, {"found no such file"});
}

TEST_F(HistoryCommand, ColumnsOfOtavaCanBeChosen) {
  write_file(path("o.csv"), "time,commit,build_id,m\n2026-01-01,a,7,1\n2026-01-02,b,8,2\n");
  const Arguments import = {"history", "import", "--format", "otava", "o.csv"};
  Arguments chosen = {"history", "import", "--format", "otava",   "--columns",
                      "m",       "o.csv",  "--db",     "c.sqlite"};
  EXPECT_EQ(output(chosen), "o.csv: 2 of 2 figures added, 1 new series\n");
  EXPECT_EQ(output(import), "o.csv: 4 of 4 figures added, 2 new series\n");
  chosen[5] = "m,none";
  expect_error(chosen, {"o.csv: line 1: none: expected a column of this name"});
  expect_error({"history", "import", "--format", "github", "foreign.json", "--commit", "a", "--columns", "m"},
               {"--columns: expected with --format otava, found --format github"});
}

TEST_F(HistoryCommand, ExportMixesNoCapturesAndIsNotEmpty) {
  output({"history", "add", "report.json"});
  harness::Report other = report(2.0, 2);
  other.rows[0].capture.id = "sha256:9999";
  write_file(path("other.json"), harness::to_text(other));
  output({"history", "add", "other.json"});
  expect_error(
      {"history", "export", "--format", "bmf", "--out", "bmf.json"},
      {"expected one series, found two, of the captures 'sha256:0123' and 'sha256:9999'; choose with "
       "--filter"});
  EXPECT_THAT(output({"history", "export", "--format", "bmf", "--filter", "sha256:9999", "--out", "-"}),
              HasSubstr("total_seconds"));
  write_file(path("o.csv"), "time,commit,m,n\n2026-01-01,a,7,\n2026-01-02,b,8,\n2026-01-03,b,,1\n");
  output({"history", "import", "--format", "otava", "o.csv", "--db", "o.sqlite"});
  expect_error({"history", "export", "--format", "otava", "--out", "-", "--db", "o.sqlite"},
               {"expected a run with a figure in every column, found none: 'o/n' has one in 1 of 3 runs"});
}

TEST_F(HistoryCommand, ImportedFiguresHaveTimesAndDirections) {
  output({"history", "import", "--format", "github", "foreign.json", "--commit", "abc", "--date",
          "2026-01-31T13:00:00+01:00", "--better", "higher", "--branch", "main"});
  const json track = json::parse(output({"history", "list", "--json"}))["tracks"].at(0);
  EXPECT_EQ(track["capture"]["name"], "size");
  EXPECT_EQ(track["better"], "higher");
  EXPECT_EQ(track["branch"], "main");
  EXPECT_EQ(track["newest"]["commit"], "abc");
  EXPECT_EQ(track["newest"]["created"], "2026-01-31T12:00:00Z");
}

TEST_F(HistoryCommand, RefusesWhatIsWrong) {
  expect_error({"history"},
               {"history: expected one of add, list, detect, import, export, site, found nothing"});
  expect_error({"history", "add"}, {"REPORT: expected one"});
  expect_error({"history", "add", "missing.json"}, {"missing.json: "});
  expect_error({"history", "add", "foreign.json"}, {"foreign.json: document: expected object, found array"});
  expect_error({"history", "add", "report.json", "--commit", "a\nb"},
               {"report.json: commit: expected text on one line"});
  expect_error({"history", "add", "report.json", "--db", "."}, {".: expected a SQLite file, found a folder"});
  expect_error({"history", "add", "report.json", "--db", "report.json"},
               {"report.json: expected a history in SQLite", "file is not a database"});
  expect_error({"history", "add", "report.json", "--db", "no/h.sqlite"},
               {"no/h.sqlite: ", "found no folder"});
  expect_error({"history", "add", "report.json", "--db", "postgresql://ci:secret@127.0.0.1:1/x"},
               {"postgresql://ci:***@127.0.0.1:1/x: expected a history in PostgreSQL", "Connection refused"});
  for (const char* verb : {"list", "detect"}) {
    expect_error({"history", verb}, {"reprise-history.sqlite: expected a history, found no such file"});
  }
  expect_error({"history", "site", "--out", "site"}, {"found no such file"});
  expect_error({"history", "import", "--format", "xml", "foreign.json"},
               {"--format: expected one of gbench, bmf, github, otava, found 'xml'"});
  expect_error({"history", "import", "foreign.json"}, {"--format: expected one"});
  expect_error({"history", "import", "--format", "github", "foreign.json"},
               {"foreign.json: commit: expected one in the file or by --commit"});
  expect_error({"history", "import", "--format", "github", "foreign.json", "--commit", "a", "--date", "now"},
               {"foreign.json: created: expected a time", "found 'now'"});
  expect_error({"history", "import", "--format", "bmf", "foreign.json", "--commit", "a"},
               {"foreign.json: document: expected an object of benchmarks"});
  expect_error(
      {"history", "import", "--format", "github", "foreign.json", "--commit", "a", "--better", "bigger"},
      {"--better: expected lower or higher, found 'bigger'"});
}

TEST_F(HistoryCommand, RefusesFlagsOutOfRange) {
  output({"history", "add", "report.json", "--branch", "main"});
  expect_error({"history", "detect", "--window", "5"}, {"--window: expected a whole number from 8 to 1000"});
  expect_error({"history", "detect", "--window", "-1"}, {"--window: expected a whole number", "found '-1'"});
  for (const char* p : {"0", "1", "nan", "1e-9"}) {
    expect_error({"history", "detect", "--p", p}, {"--p: expected a number from 1e-6 to below 1, found "});
  }
  expect_error({"history", "detect", "--window", "9"},
               {"--window: expected at least 10 points, the fewest that can show --p 0.001, found 9"});
  EXPECT_EQ(run({"history", "detect", "--p", "1e-6"}).exit_code, 0);
  expect_error({"history", "detect", "--min-magnitude", "-1"},
               {"--min-magnitude: expected a number of at least 0"});
  expect_error({"history", "list", "--branch", "other"},
               {"expected series with figures, found none that --branch"});
  expect_error({"history", "export", "--format", "bmf", "--out", "no/bmf.json"}, {"no/bmf.json: "});
  expect_error({"history", "site", "--out", "report.json"}, {"report.json: expected a folder"});
  write_file(path("other.json"), harness::to_text(report(2.0, 2)));
  output({"history", "add", "other.json", "--branch", "topic"});
  expect_error({"history", "export", "--format", "bmf", "--out", "bmf.json"},
               {"expected figures of one branch, found 'main' and 'topic'; choose with --branch"});
}

TEST_F(HistoryCommand, HelpTeaches) {
  EXPECT_THAT(output({"history", "--help"}), HasSubstr("reprise history detect --branch main"));
  for (const char* verb : {"add", "list", "detect", "import", "export", "site"}) {
    const std::string help = output({"history", verb, "--help"});
    EXPECT_THAT(help, HasSubstr("Examples:"));
    EXPECT_THAT(help, HasSubstr("--db"));
    EXPECT_THAT(help, HasSubstr("Exit codes:"));
  }
}

/// The same program against a server.
class HistoryCommandOnPostgresql : public HistoryCommand {};

TEST_F(HistoryCommandOnPostgresql, AddsDetectsAndExports) {
  if (!reprise::testing::PostgresServer::installed()) {
    GTEST_SKIP() << "PostgreSQL is not installed: the history is NOT tested with it (Debian: postgresql)";
  }
  const std::string location = reprise::testing::PostgresServer::instance().fresh_database();
  expect_error({"history", "list", "--db", location}, {"expected a history, found none"});
  add_days(20, 1.0, 10, 1.25, {"--db", location});
  write_file(path("report.json"), harness::to_text(report(1.25, 31)));
  EXPECT_THAT(output({"history", "add", "report.json", "--db", location}), HasSubstr("figures added"));
  EXPECT_THAT(output({"history", "add", "report.json", "--db", location}), HasSubstr("nothing added"));
  const Outcome outcome =
      run({"history", "detect", "--db", location, "--branch", "main", "--fail-on-regression"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("commit19 .. commit20"));
  EXPECT_THAT(
      output({"history", "export", "--db", location, "--branch", "main", "--format", "bmf", "--out", "-"}),
      HasSubstr("total_seconds"));
  for (const std::string& file : files()) {
    EXPECT_FALSE(file.ends_with(".sqlite")) << file;
  }
}

}  // namespace
}  // namespace reprise::cli
