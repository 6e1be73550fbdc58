/// reprise doctor, as users run it. What it judges and prints is tested in harness.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "harness/tests/support/json_schema.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using testing::CliTest;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;

class Doctor : public CliTest {};

TEST_F(Doctor, SaysWhatTheMachineIsAndCanDo) {
  const Outcome outcome = run({"doctor", "--threads", "1", "--noise-seconds", "1"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("processor   "));
  EXPECT_THAT(outcome.out, HasSubstr("read, huge pages"));
  EXPECT_THAT(outcome.out, HasSubstr("f32 multiply-add"));
  EXPECT_THAT(outcome.out, HasSubstr("the noise floor of verdicts\n"));
  EXPECT_THAT(outcome.out, HasSubstr("clock       "));
  EXPECT_THAT(outcome.out, HasSubstr("1 thread  instruction"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("threads  instruction")));
}

TEST_F(Doctor, AsJsonHasEveryField) {
  const json document = json::parse(output({"doctor", "--threads", "2", "--json", "--noise-seconds", "0"}));
  EXPECT_EQ(reprise::testing::JsonSchema("doctor.schema.json").complaint(document), "");
  EXPECT_EQ(document["schema"], "reprise.doctor/1");
  EXPECT_TRUE(document["conditions"]["noise_floor_fraction"].is_null());
  EXPECT_GT(document["conditions"]["timer"]["cost_seconds"], 0);
  EXPECT_GE(document["machine"]["cores"], 1);
  const json& roofline = document["machine"]["roofline"];
  EXPECT_GE(roofline["points"].size(), 6U);
  EXPECT_EQ(roofline["points"][0]["threads"], 1);
  EXPECT_EQ(roofline["points"][2]["threads"], 2);
  EXPECT_EQ(roofline["points"][2]["pages"], "small");
}

TEST_F(Doctor, RefusesWrongFlags) {
  expect_error({"doctor", "--threads", "-1"},
               {"--threads: expected a whole number from 0 to 1024, found '-1'"});
  expect_error({"doctor", "--threads", "1025"}, {"--threads", "found '1025'"});
  expect_error({"doctor", "--threads", "two"}, {"--threads", "found 'two'"});
  expect_error({"doctor", "--noise-seconds", "-1"},
               {"--noise-seconds: expected a number from 0 to 3600, found '-1'"});
  expect_error({"doctor", "now"}, {"found 'now'", "(see reprise doctor --help)"});
}

TEST_F(Doctor, HelpTeaches) {
  const std::string help = output({"doctor", "--help"});
  EXPECT_THAT(help, HasSubstr("fit to measure on?"));
  EXPECT_THAT(help, HasSubstr("reprise doctor --threads 4 --json"));
  EXPECT_THAT(help, HasSubstr("Exit codes:"));
}

}  // namespace
}  // namespace reprise::cli
