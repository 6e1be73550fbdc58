#include "harness/regress/history/formats/github_action.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "engine/tests/support/error_of.h"

namespace reprise::harness {
namespace {

using nlohmann::json;
using reprise::testing::error_of;
using ::testing::HasSubstr;

ForeignReport read(const std::string& text, Better better = Better::lower) {
  return read_github_action(text, "github.json", better);
}

std::string refusal(const std::string& text) {
  return error_of([&] { read(text); }).what();
}

TEST(GithubAction, ReadsEntries) {
  const ForeignReport report = read(
      R"([{"name": "CPU", "unit": "Percent", "value": 50},
          {"name": "Memory", "unit": "MB", "value": 100.5, "range": "3", "extra": "total: 200"}])",
      Better::higher);
  ASSERT_EQ(report.points.size(), 2U);
  EXPECT_EQ(report.points[0].name, "CPU");
  EXPECT_EQ(report.points[0].metric, "value");
  EXPECT_EQ(report.points[0].unit, "Percent");
  EXPECT_EQ(report.points[0].value, 50);
  EXPECT_EQ(report.points[0].better, Better::higher);
  EXPECT_FALSE(report.points[0].ci);
  EXPECT_EQ(report.points[1].ci, (Interval{97.5, 103.5}));
}

TEST(GithubAction, UnderstandsRanges) {
  const auto interval = [](const std::string& range) {
    return read(R"([{"name": "a", "unit": "s", "value": 200, "range": )" + range + "}]").points.at(0).ci;
  };
  EXPECT_EQ(interval("\"± 3\""), (Interval{197, 203}));
  EXPECT_EQ(interval("\"±3.5\""), (Interval{196.5, 203.5}));
  EXPECT_EQ(interval("\"+/- 3\""), (Interval{197, 203}));
  EXPECT_EQ(interval("\"+-3\""), (Interval{197, 203}));
  EXPECT_EQ(interval("\"±1.5%\""), (Interval{197, 203}));
  EXPECT_EQ(interval("3"), (Interval{197, 203}));
  for (const char* none : {"\"stddev: 3\"", "\"\"", "\"± \"", "\"± nan\"", "\"± inf\"", "\"-3\"", "\"3 ms\"",
                           "\"± 1e999\"", "null", "[]", "\"1.1e300\""}) {
    EXPECT_EQ(interval(none), std::nullopt) << none;
  }
}

TEST(GithubAction, RefusesWhatBreaksTheFormat) {
  EXPECT_EQ(refusal("{}"), "github.json: document: expected an array of benchmarks, found object");
  EXPECT_EQ(refusal("[1]"), "github.json: [0]: expected an object, found 1");
  EXPECT_EQ(refusal(R"([{"unit": "s", "value": 1}])"),
            "github.json: [0].name: expected a text, found nothing");
  EXPECT_EQ(refusal(R"([{"name": "a", "value": 1}])"),
            "github.json: [0].unit: expected a text, found nothing");
  EXPECT_EQ(refusal(R"([{"name": "a", "unit": "s"}])"),
            "github.json: [0].value: expected a number up to 1e+300, found nothing");
  EXPECT_EQ(refusal(R"([{"name": "a", "unit": "s", "value": "12"}])"),
            "github.json: [0].value: expected a number up to 1e+300, found '12'");
  EXPECT_EQ(refusal(R"([{"name": "a", "unit": "s", "value": 1}, {"name": "a", "unit": "s", "value": 2}])"),
            "github.json: [1].name: expected each name once, found 'a' again");
  EXPECT_THAT(refusal(R"([{"name": "a", "unit": "s", "value": Infinity}])"), HasSubstr("found Infinity"));
  EXPECT_THAT(refusal("[{"), HasSubstr("syntax error"));
}

ForeignReport sample() {
  ForeignReport report;
  report.points = {{"call", "total_seconds", "s", Better::lower, 0.5, Interval{0.375, 0.5625}, 12},
                   {"call", "tokens_per_second", "tokens/s", Better::higher, 100, {}, 0},
                   {"size", "value", "B", Better::lower, 42, {}, 0}};
  return report;
}

TEST(GithubAction, WritesOneDirection) {
  const ForeignFile lower = write_github_action(sample(), Better::lower);
  EXPECT_EQ(lower.left_out, 1U);
  EXPECT_EQ(json::parse(lower.text), json::parse(R"([
      {"name": "call/total_seconds", "unit": "s", "value": 0.5, "range": "± 0.125", "extra": "12 samples"},
      {"name": "size", "unit": "B", "value": 42.0}])"));
  const ForeignFile higher = write_github_action(sample(), Better::higher);
  EXPECT_EQ(higher.left_out, 2U);
  EXPECT_EQ(json::parse(higher.text),
            json::parse(R"([{"name": "call/tokens_per_second", "unit": "tokens/s", "value": 100.0}])"));
}

TEST(GithubAction, ReadsWhatItWrites) {
  const ForeignReport again = read(write_github_action(sample(), Better::lower).text);
  ASSERT_EQ(again.points.size(), 2U);
  EXPECT_EQ(again.points[0].name, "call/total_seconds");
  EXPECT_EQ(again.points[0].value, 0.5);
  EXPECT_EQ(again.points[0].ci, (Interval{0.375, 0.625}));
  EXPECT_EQ(again.points[1].name, "size");
}

}  // namespace
}  // namespace reprise::harness
