/// reprise compare, with real processes. Nothing here depends on how fast the machine is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness/report/report_json.h"
#include "harness/tests/support/json_schema.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using ::testing::AnyOf;
using testing::Arguments;
using testing::CliTest;
using ::testing::HasSubstr;
using testing::Outcome;

class Compare : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    make_capture("call.safetensors");
  }
  Outcome compare(const Arguments& more) {
    Arguments arguments = {"compare", "call.safetensors", "--budget", "0.5", "--json", "report.json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  [[nodiscard]] harness::Report report() const {
    const std::string text = testing::read_file(path("report.json"));
    EXPECT_EQ(reprise::testing::JsonSchema("report.schema.json").complaint(nlohmann::json::parse(text)), "");
    return harness::parse_report(text, "report");
  }
};

TEST_F(Compare, TwoPlacementsGiveAVerdictForEachMetricAndWhere) {
  const Outcome outcome =
      compare({"--a", "--threads 1", "--b", "--threads 1 --kv-cache off", "--no-confirm"});
  EXPECT_THAT(outcome.exit_code, AnyOf(0, 1)) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("decode_tokens_per_second"));
  const harness::Report written = report();
  ASSERT_EQ(written.rows.size(), 2U);
  EXPECT_TRUE(written.rows[0].placement.kv_cache);
  EXPECT_FALSE(written.rows[1].placement.kv_cache);
  ASSERT_EQ(written.comparisons.size(), 3U);
  const harness::Comparison& total = written.comparisons[0];
  EXPECT_GE(total.pairs, 2);
  EXPECT_GT(total.median_ratio, 0);
  EXPECT_GE(total.band.value_or(0), 0.01);
  ASSERT_TRUE(total.tokens.has_value());
  EXPECT_GT(total.tokens->n_later_tokens, 0);
  EXPECT_FALSE(total.centres.empty());
  double changes = 0;
  for (const harness::CentreChange& centre : total.centres) {
    changes += centre.fraction;
  }
  EXPECT_NEAR(changes, 1, 1e-6);
}

TEST_F(Compare, UnequalBitsAreForcedToEqualWork) {
  const Outcome outcome =
      compare({"--a", "--precision f32", "--b", "--precision bf16", "--no-confirm", "--no-where"});
  EXPECT_THAT(outcome.exit_code, AnyOf(0, 1)) << outcome.err;
  for (const harness::Row& row : report().rows) {
    EXPECT_EQ(row.verification.mode, harness::ReplayMode::forced);
  }
}

TEST_F(Compare, OutputsThatDifferAreExitCode3AndNoSpeedUp) {
  const Outcome outcome = compare({"--b", "--precision bf16 --free"});
  EXPECT_EQ(outcome.exit_code, 3) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("outputs differ from the capture; nothing of it is compared"));
  EXPECT_TRUE(report().comparisons.empty());
}

TEST_F(Compare, StrictMakesInconclusiveExitCode2) {
  // Two pairs are never enough.
  const Outcome outcome = run({"compare", "call.safetensors", "--budget", "0.001", "--b", "--threads 2",
                               "--no-where", "--no-noise-floor", "--strict"});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.out << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("inconclusive"));
}

TEST_F(Compare, SeveralProcessesAreCounted) {
  const Outcome outcome =
      compare({"--b", "--threads 2", "--processes", "2", "--no-where", "--no-noise-floor", "--no-confirm"});
  EXPECT_THAT(outcome.exit_code, AnyOf(0, 1)) << outcome.err;
  EXPECT_EQ(report().comparisons.at(0).processes, 2);
}

TEST_F(Compare, StoredReportsAreComparedAndSaidNotToBePaired) {
  for (const char* file : {"a.json", "b.json"}) {
    const Outcome outcome =
        run({"replay", "call.safetensors", "--threads", "1", "--budget", "0.2", "--json", file});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  const Outcome outcome = run({"compare", "a.json", "b.json"});
  EXPECT_THAT(outcome.exit_code, AnyOf(0, 1)) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("(unpaired)"));
}

TEST_F(Compare, Errors) {
  struct Case {
    Arguments arguments;
    std::string expected;
  };
  testing::write_file(path("broken.json"), "{");
  const Case cases[] = {
      {{"compare", "call.safetensors"}, "compare: --b: expected flags or a build that differ"},
      {{"compare", "call.safetensors", "--b", "--precision int3"}, "b: "},
      {{"compare", "call.safetensors", "--b-bin", "missing"}, "missing"},
      {{"compare", "call.safetensors", "--b-bin", "/bin/true"}, "b: "},
      {{"compare", "missing.safetensors", "--b", "--threads 2"}, "missing.safetensors"},
      {{"compare", "broken.json", "broken.json"}, "broken.json"},
      {{"compare", "call.safetensors", "--b", "--threads 2", "--band", "-1"}, "--band"},
      {{"compare", "call.safetensors", "--b", "--threads 2", "--budget", "0"}, "--budget"},
      {{"compare"}, "FILE"}};
  for (const Case& c : cases) {
    const Outcome outcome = run(c.arguments);
    EXPECT_EQ(outcome.exit_code, 4) << c.expected << outcome.out;
    EXPECT_THAT(outcome.err, HasSubstr(c.expected));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
}

}  // namespace
}  // namespace reprise::cli
