#include "harness/regress/history/formats/bencher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/tests/support/error_of.h"

namespace reprise::harness {
namespace {

using reprise::testing::error_of;
using ::testing::HasSubstr;

ForeignReport read(const std::string& text, Better better = Better::lower) {
  return read_bencher(text, "bmf.json", better);
}

std::string refusal(const std::string& text) {
  return error_of([&] { read(text); }).what();
}

/// The example of the format's page.
constexpr const char* kFile = R"({
  "benchmark_name": {"latency": {"value": 88.0, "lower_value": 87.42, "upper_value": 88.88},
                     "throughput": {"value": 5.55, "lower_value": 3.14, "upper_value": 6.30}},
  "/bin/sh -c ./my_build_script.sh": {"build-time": {"value": 87.0}},
  "my_binary": {"file-size": {"value": 42.0, "upper_value": 43}}
})";

TEST(Bencher, ReadsTheExampleOfItsPage) {
  const ForeignReport report = read(kFile);
  ASSERT_EQ(report.points.size(), 4U);
  const ForeignPoint& build = report.points[0];
  EXPECT_EQ(build.name, "/bin/sh -c ./my_build_script.sh");
  EXPECT_EQ(build.metric, "build-time");
  EXPECT_EQ(build.value, 87);
  EXPECT_FALSE(build.ci);
  const ForeignPoint& latency = report.points[1];
  EXPECT_EQ(latency.metric, "latency");
  EXPECT_EQ(latency.unit, "ns");
  EXPECT_EQ(latency.ci, (Interval{87.42, 88.88}));
  EXPECT_EQ(report.points[2].better, Better::higher);
  EXPECT_EQ(report.points[2].unit, "ops/s");
  EXPECT_FALSE(report.points[3].ci);
  EXPECT_EQ(read(kFile, Better::higher).points[3].better, Better::higher);
  EXPECT_EQ(read(kFile, Better::higher).points[1].better, Better::lower);
  EXPECT_TRUE(read("{}").points.empty());
}

TEST(Bencher, RefusesWhatBreaksTheFormat) {
  EXPECT_EQ(refusal("[]"), "bmf.json: document: expected an object of benchmarks, found array");
  EXPECT_EQ(refusal(R"({"a": 3})"), "bmf.json: a: expected an object of measures, found 3");
  EXPECT_EQ(refusal(R"({"a": {"b": 3}})"), "bmf.json: a.b: expected an object, found 3");
  EXPECT_EQ(refusal(R"({"a": {"b": {}}})"),
            "bmf.json: a.b.value: expected a number up to 1e+300, found nothing");
  EXPECT_EQ(refusal(R"({"a": {"b": {"value": 1, "lower_value": "x"}}})"),
            "bmf.json: a.b.lower_value: expected a number up to 1e+300, found 'x'");
  EXPECT_EQ(refusal(R"({"a": {"b": {"value": 1, "lower_value": 2, "upper_value": 1}}})"),
            "bmf.json: a.b.lower_value: expected at most upper_value, found 2.0");
  EXPECT_EQ(refusal(R"({"a": {"b": {"value": -1e308}}})"),
            "bmf.json: a.b.value: expected a number up to 1e+300, found -1e+308");
  EXPECT_THAT(refusal(R"({"a": {"b": {"value": NaN}}})"), HasSubstr("finite numbers only, found NaN"));
  EXPECT_THAT(refusal(R"({"a": {}, "a": {}})"), HasSubstr("expected the key 'a' once"));
  EXPECT_THAT(refusal(std::string(kFile).substr(0, 60)), HasSubstr("syntax error"));
  EXPECT_THAT(refusal(""), HasSubstr("syntax error"));
}

TEST(Bencher, ReadsWhatItWrites) {
  ForeignReport report;
  report.points = {{"a \"b\"\n", "total_seconds", "s", Better::lower, 0.1, Interval{0.09, 0.3}, 3},
                   {"a \"b\"\n", "x_per_second", "1/s", Better::higher, 1e-300, {}, 3},
                   {"c", "", "", Better::lower, -5, {}, 0}};
  const ForeignReport again = read(write_bencher(report));
  ASSERT_EQ(again.points.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(again.points[i].name, report.points[i].name);
    EXPECT_EQ(again.points[i].metric, report.points[i].metric);
    EXPECT_EQ(again.points[i].value, report.points[i].value);
    EXPECT_EQ(again.points[i].ci, report.points[i].ci);
    EXPECT_EQ(again.points[i].better, report.points[i].better);
  }
  EXPECT_EQ(write_bencher({}), "{}\n");
}

}  // namespace
}  // namespace reprise::harness
