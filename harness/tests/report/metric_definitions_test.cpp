#include "harness/report/metric_definitions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "harness/report/assemble.h"
#include "harness/stats/median_sequence.h"

namespace reprise::harness {
namespace {

/// First token after `first` seconds, then one every `each`, and `tail` seconds until the call returns.
Sample sample_of(Seconds first, std::vector<Seconds> each, Seconds tail = 0) {
  Sample sample;
  sample.time_to_first_token_seconds = first;
  sample.total_seconds = first + tail;
  sample.token_seconds = {first};
  for (const Seconds seconds : each) {
    sample.token_seconds.push_back(seconds);
    sample.total_seconds += seconds;
  }
  sample.verified = true;
  return sample;
}

const Metric& at(const std::map<std::string, Metric>& metrics, std::string_view name) {
  return metrics.at(std::string(name));
}

TEST(ComputeMetrics, ByHandFromThreeSamples) {
  // Totals 1.0, 1.5, 3.0; first tokens 0.25, 0.5, 1.0; the rest 0.75, 1.0, 2.0 for two tokens each.
  const std::vector<Sample> samples = {sample_of(0.25, {0.25, 0.5}), sample_of(0.5, {0.25, 0.5}, 0.25),
                                       sample_of(1.0, {0.5, 1.5})};
  const auto metrics = compute_metrics(samples, 100);
  EXPECT_EQ(metrics.size(), 8U);
  EXPECT_DOUBLE_EQ(at(metrics, kTotalSeconds).value, 1.5);
  EXPECT_DOUBLE_EQ(at(metrics, kTimeToFirstTokenSeconds).value, 0.5);
  EXPECT_DOUBLE_EQ(at(metrics, kPrefillTokensPerSecond).value, 200);     // of 400, 200, 100
  EXPECT_DOUBLE_EQ(at(metrics, kDecodeTokensPerSecond).value, 2 / 1.0);  // of 2.667, 2, 1
  // Pooled in order: 0.25 0.25 0.5 0.5 0.5 1.5. Ranks 5 p: 2.5, 4.5, 4.75, 4.95.
  EXPECT_DOUBLE_EQ(at(metrics, kInterTokenLatencyP50Seconds).value, 0.5);
  EXPECT_DOUBLE_EQ(at(metrics, kInterTokenLatencyP90Seconds).value, 1.0);
  EXPECT_DOUBLE_EQ(at(metrics, kInterTokenLatencyP95Seconds).value, 1.25);
  EXPECT_DOUBLE_EQ(at(metrics, kInterTokenLatencyP99Seconds).value, 1.45);
}

TEST(ComputeMetrics, UnitsAndDirections) {
  const auto metrics = compute_metrics(std::vector{sample_of(0.25, {0.25})}, 10);
  for (const auto& [name, metric] : metrics) {
    const bool is_rate = name.ends_with("_per_second");
    EXPECT_EQ(metric.unit, is_rate ? "tokens/s" : "s") << name;
    EXPECT_EQ(metric.better, is_rate ? Better::higher : Better::lower) << name;
    EXPECT_EQ(metric.n, 1) << name;
    EXPECT_EQ(metric.confidence, 0.95) << name;
  }
}

TEST(ComputeMetrics, IntervalsNeedEnoughSamples) {
  const std::size_t least = min_samples_for_median_interval(0.95);
  std::vector<Sample> samples;
  for (std::size_t i = 0; i + 1 < least; ++i) {
    const double step = 0.125 * static_cast<double>(i);
    samples.push_back(sample_of(1 + step, {0.25, 0.25 + step}));
  }
  for (const auto& [name, metric] : compute_metrics(samples, 10)) {
    EXPECT_FALSE(metric.ci.has_value()) << name;
  }
  samples.push_back(sample_of(2, {0.25, 0.25}));
  std::reverse(samples.begin() + 1, samples.begin() + 5);  // no trend that would make of ten samples two
  for (const auto& [name, metric] : compute_metrics(samples, 10, 1, 0.5)) {
    ASSERT_TRUE(metric.ci.has_value()) << name;
    EXPECT_LE(metric.ci->low, metric.value) << name;
    EXPECT_GE(metric.ci->high, metric.value) << name;
  }
}

TEST(ComputeMetrics, BlocksOfRunsAreTheSamples) {
  std::vector<Sample> samples;
  for (const double seconds : {1.0, 9.0, 2.0, 4.0, 3.0, 0.5, 7.0, 100.0}) {
    samples.push_back(sample_of(seconds, {}));
  }
  // Blocks (1, 9, 2) and (4, 3, 0.5); the last two runs are no whole block.
  const auto metrics = compute_metrics(samples, 10, 3);
  EXPECT_DOUBLE_EQ(at(metrics, kTotalSeconds).value, 2.5);
  EXPECT_EQ(at(metrics, kTotalSeconds).n, 2);
  // Less than one block is still shown.
  EXPECT_DOUBLE_EQ(at(compute_metrics(samples, 10, 9), kTotalSeconds).value, 3.5);
}

TEST(ComputeMetrics, WhatHasNoMeaningIsAbsent) {
  EXPECT_TRUE(compute_metrics({}, 10).empty());

  auto one_token = compute_metrics(std::vector{sample_of(0.25, {})}, 10);
  EXPECT_EQ(one_token.size(), 3U);
  EXPECT_TRUE(one_token.contains(std::string(kPrefillTokensPerSecond)));
  EXPECT_FALSE(one_token.contains(std::string(kDecodeTokensPerSecond)));
  EXPECT_FALSE(one_token.contains(std::string(kInterTokenLatencyP50Seconds)));

  Sample nothing_generated;
  nothing_generated.total_seconds = 1;
  const auto none = compute_metrics(std::vector{nothing_generated}, 10);
  EXPECT_EQ(none.size(), 1U);
  EXPECT_TRUE(none.contains(std::string(kTotalSeconds)));

  const auto all_cached = compute_metrics(std::vector{sample_of(0.25, {0.25})}, 0);
  EXPECT_FALSE(all_cached.contains(std::string(kPrefillTokensPerSecond)));
  const auto no_time = compute_metrics(std::vector{sample_of(0, {0})}, 10);
  EXPECT_FALSE(no_time.contains(std::string(kPrefillTokensPerSecond)));
  EXPECT_FALSE(no_time.contains(std::string(kDecodeTokensPerSecond)));
}

TEST(AddMeasurement, KeepsRawSamplesAndSetsTheColdRunApart) {
  Measurement measurement;
  measurement.warmup = {sample_of(4, {1}), sample_of(2, {1})};
  measurement.samples = {sample_of(1, {0.5}), sample_of(1, {0.25})};
  measurement.reason = StopReason::budget;
  Row row;
  add_measurement(row, measurement, 10);
  EXPECT_EQ(row.samples.total_seconds, (std::vector<double>{1.5, 1.25}));
  EXPECT_EQ(row.samples.token_seconds, (std::vector<std::vector<double>>{{1, 0.5}, {1, 0.25}}));
  EXPECT_EQ(row.samples.warmup_total_seconds, (std::vector<double>{5, 3}));
  EXPECT_EQ(row.cold->total_seconds, 5);
  EXPECT_EQ(row.cold->time_to_first_token_seconds, 4);
  EXPECT_EQ(row.stop, StopReason::budget);
  EXPECT_DOUBLE_EQ(row.metrics.at("total_seconds").value, 1.375);
}

TEST(AddMeasurement, ARowThatFailedHasNoFigures) {
  Measurement measurement;
  measurement.samples = {sample_of(1, {0.5})};
  measurement.reason = StopReason::failed;
  Row row;
  add_measurement(row, measurement, 10);
  EXPECT_TRUE(row.metrics.empty());
  EXPECT_EQ(row.samples.total_seconds.size(), 1U);
}

TEST(AddProfile, CarriesCentresAndTheRest) {
  CostProfileBuilder builder;
  builder.add({.phase = "decode", .name = "linear", .seconds = 0.75});
  Row row;
  add_profile(row, builder.build(1.0));
  ASSERT_EQ(row.cost_centres.size(), 1U);
  EXPECT_EQ(row.unattributed_seconds, 0.25);
}

}  // namespace
}  // namespace reprise::harness
