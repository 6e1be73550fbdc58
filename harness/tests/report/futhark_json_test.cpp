#include "harness/report/futhark_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "harness/tests/support/sample_report.h"

namespace reprise::harness {
namespace {

using nlohmann::json;

constexpr const char* kPlacement = "cpu avx512 f32, KV cache f32, 2 threads, exact";

Row plain_row(double total = 0.8) {
  return fixed_row("cpu", "avx512", "f32", total);
}

json written(std::vector<Row> rows) {
  Report report;
  report.rows = std::move(rows);
  return json::parse(futhark_json(report));
}

/// Of the one row of a report.
json dataset_of(Row row) {
  return written({std::move(row)}).at("chat-1").at("datasets").at(kPlacement);
}

Timeline sample_timeline() {
  TimelineBuilder builder;
  builder.add({"embed", {64, 0}, 0.25, 1, 10, engine::kNoLayer, {11, 32, 0}}, 0);
  builder.add({"linear", {1000, 2000}, 0.0000005, 1, 10.5, 3, {1, 48, 32}}, 2);
  return std::move(builder).build().value();
}

TEST(FutharkJson, HasAProgramForEachCaptureAndADatasetForEachPlacement) {
  Row other = plain_row();
  other.capture.name = "short";
  const json programs = written({plain_row(), fixed_row("reference", "scalar", "f32", 2), other});
  std::set<std::string> names;
  for (const auto& [program, content] : programs.items()) {
    for (const auto& [dataset, result] : content.at("datasets").items()) {
      names.insert(program + ": " + dataset);
    }
  }
  EXPECT_EQ(names, (std::set<std::string>{"chat-1: cpu avx512 f32, KV cache f32, 2 threads, exact",
                                          "chat-1: reference scalar f32, KV cache f32, 2 threads, exact",
                                          "short: cpu avx512 f32, KV cache f32, 2 threads, exact"}));
}

TEST(FutharkJson, RunsAreWholeMicroseconds) {
  Row row = plain_row();
  row.samples.total_seconds = {0.8, 0.0000014, 0.0000016, 1.9999999};
  const json runtimes = dataset_of(row).at("runtimes");
  EXPECT_EQ(runtimes, json::array({800'000, 1, 2, 2'000'000}));
  for (const json& run : runtimes) {
    EXPECT_TRUE(run.is_number_integer()) << run;
  }
}

TEST(FutharkJson, MemoryIsAnObjectOfByteCounts) {
  EXPECT_EQ(dataset_of(plain_row()).at("bytes"), json::object());
  Row row = plain_row();
  row.memory = MemoryUse{4'000'000, 1'000'000, 500'000, 64'000'000};
  const json bytes = dataset_of(row).at("bytes");
  EXPECT_FALSE(bytes.empty());
  for (const auto& [name, count] : bytes.items()) {
    EXPECT_TRUE(count.is_number_integer()) << name;
  }
}

TEST(FutharkJson, RowsOfOnePlacementAreNumbered) {
  const json datasets = written({plain_row(1), plain_row(2), plain_row(3)}).at("chat-1").at("datasets");
  ASSERT_EQ(datasets.size(), 3U);
  const std::string placement = kPlacement;
  EXPECT_EQ(datasets.at(placement).at("runtimes").at(0), 1'000'000);
  EXPECT_EQ(datasets.at(placement + " #2").at("runtimes").at(0), 2'000'000);
  EXPECT_EQ(datasets.at(placement + " #3").at("runtimes").at(0), 3'000'000);
}

/// Times of other work than was captured are no results.
TEST(FutharkJson, OutputsThatDifferAreAnErrorText) {
  for (const auto& [mode, verdict] : {std::pair{ReplayMode::free, OutputVerdict::differs},
                                      std::pair{ReplayMode::free, OutputVerdict::same_tokens},
                                      std::pair{ReplayMode::forced, OutputVerdict::differs}}) {
    Row row = plain_row();
    row.timeline = sample_timeline();
    row.verification.mode = mode;
    row.verification.verdict = verdict;
    const json dataset = dataset_of(row);
    ASSERT_TRUE(dataset.is_string()) << dataset;
    EXPECT_NE(dataset.get<std::string>().find("outputs differ"), std::string::npos) << dataset;
  }
}

TEST(FutharkJson, OutputsWithinTheToleranceAreAResult) {
  Row row = plain_row();
  row.verification.mode = ReplayMode::forced;
  row.verification.verdict = OutputVerdict::within_tolerance;
  EXPECT_EQ(dataset_of(row).at("runtimes").size(), 12U);
}

TEST(FutharkJson, AProfileWithoutSamplesHasItsWallTimeAsItsRun) {
  Row row = plain_row();
  row.samples = {};
  row.cost_centres = {{"decode", "linear", 1, 0.5, 0, 0, 0, 0, 0, {}},
                      {"prefill", "rope", 1, 0.25, 0, 0, 0, 0, 0, {}}};
  row.unattributed_seconds = 0.125;
  EXPECT_EQ(dataset_of(row).at("runtimes"), json::array({875'000}));
}

/// A list of no runs would be a result without a mean.
TEST(FutharkJson, ARowWithoutARunIsAnErrorText) {
  Row row = plain_row();
  row.samples = {};
  EXPECT_TRUE(dataset_of(row).is_string());
}

TEST(FutharkJson, EventsAreThoseOfTheTimeline) {
  Row row = plain_row();
  EXPECT_FALSE(dataset_of(row).contains("profiling"));
  row.timeline = sample_timeline();
  const json events = dataset_of(row).at("profiling").at("events");
  ASSERT_EQ(events.size(), 2U);
  for (const json& event : events) {
    EXPECT_EQ(event.at("provenance"), "unknown");
    EXPECT_TRUE(event.at("description").is_string());
    EXPECT_TRUE(event.at("details").is_object());
  }
  EXPECT_EQ(events[0].at("name"), "embed");
  EXPECT_EQ(events[0].at("duration"), 250'000);
  EXPECT_EQ(events[0].at("description"), "prefill");
  EXPECT_FALSE(events[0].at("details").contains("layer"));
  EXPECT_EQ(events[1].at("name"), "linear");
  EXPECT_DOUBLE_EQ(events[1].at("duration").get<double>(), 0.5)
      << "of an event, a part of a microsecond counts";
  EXPECT_EQ(events[1].at("description"), "decode");
  EXPECT_EQ(events[1].at("details"),
            json({{"phase", "decode"}, {"token", 2}, {"bytes", 1000}, {"layer", 3}}));
}

TEST(FutharkJson, AnyNameIsText) {
  Row row = plain_row();
  row.capture.name = "a\"\n</script>\xFF";
  row.timeline = sample_timeline();
  row.timeline->kernels[0] = "\"]}\xFF";
  const json programs = written({row});
  const json& dataset = programs.at("a\"\n</script>\xEF\xBF\xBD").at("datasets").at(kPlacement);
  EXPECT_EQ(dataset.at("profiling").at("events").at(0).at("name"), "\"]}\xEF\xBF\xBD");
}

TEST(FutharkJson, OfNoRowsIsAnEmptyObject) {
  EXPECT_EQ(written({}), json::object());
}

}  // namespace
}  // namespace reprise::harness
