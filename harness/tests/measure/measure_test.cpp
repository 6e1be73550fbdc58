#include "harness/measure/measure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/core/philox.h"
#include "harness/stats/median_sequence.h"
#include "harness/tests/support/fake_clock.h"

namespace reprise::harness {
namespace {

/// Uniform in [-1, 1), a function of the run alone.
double noise(std::uint32_t stream, std::uint32_t run) {
  const auto words = engine::philox4x32_10({run, stream, 0, 0}, {3, 5});
  return 2 * engine::uniform_f64(words[0], words[1]) - 1;
}

/// A call whose runs take 0.1 s with relative uniform noise, on the fake clock. Writes what happens to a log.
class FakeRunner : public Runner {
 public:
  FakeRunner(FakeClock& clock, double spread, std::string name = "", std::vector<std::string>* log = nullptr)
      : clock_(clock), spread_(spread), name_(std::move(name)), log_(log) {}

  void restore() override {
    note("restore");
    clock_.advance(restore_seconds);
    restored_ = true;
  }

  Sample run() override {
    note("run");
    EXPECT_TRUE(restored_) << "run without restore";
    restored_ = false;
    const Seconds seconds =
        base_seconds * (1 + spread_ * noise(stream, runs)) + (runs == 0 ? cold_extra_seconds : 0);
    clock_.advance(seconds);
    Sample sample;
    sample.total_seconds = seconds;
    sample.time_to_first_token_seconds = seconds / 2;
    sample.token_seconds = {seconds / 2, seconds / 2};
    sample.verified = runs != fails_at;
    ++runs;
    return sample;
  }

  Seconds base_seconds = 0.1;
  Seconds restore_seconds = 0;
  Seconds cold_extra_seconds = 0;
  std::uint32_t stream = 0;
  std::uint32_t fails_at = ~0U;
  std::uint32_t runs = 0;

 private:
  void note(const std::string& what) {
    if (log_ != nullptr) {
      log_->push_back(name_ + what);
    }
  }

  FakeClock& clock_;
  double spread_;
  std::string name_;
  std::vector<std::string>* log_;
  bool restored_ = false;
};

TEST(Measure, ConvergesOnTightNoiseWithTheFewestRuns) {
  FakeClock clock;
  FakeRunner runner(clock, 0.001);
  const Measurement measurement = measure(runner, MedianRule(), clock);
  EXPECT_EQ(measurement.reason, StopReason::converged);
  EXPECT_TRUE(measurement.converged());
  EXPECT_EQ(measurement.warmup.size(), measurement.steady.warmup_runs);
  EXPECT_GE(measurement.samples.size(), 15U);
  EXPECT_LE(runner.runs, 25U);
}

TEST(Measure, HeavyNoiseTakesMoreRunsThenConverges) {
  FakeClock clock;
  FakeRunner runner(clock, 0.05);
  const Measurement measurement = measure(runner, MedianRule(), clock);
  EXPECT_EQ(measurement.reason, StopReason::converged);
  EXPECT_GT(measurement.samples.size(), 20U);
}

TEST(Measure, RunsOutOfBudgetOnHeavierNoiseAndSaysSo) {
  FakeClock clock;
  FakeRunner runner(clock, 0.5);
  MedianRuleOptions options;
  options.budget_seconds = 5;
  const Measurement measurement = measure(runner, MedianRule(options), clock);
  EXPECT_EQ(measurement.reason, StopReason::budget);
  EXPECT_FALSE(measurement.converged());
  EXPECT_GE(measurement.elapsed_seconds, 5);
  EXPECT_LT(measurement.elapsed_seconds, 5.2);  // at most one run over
}

TEST(Measure, ShortRunsGoOnForTheMinimumTime) {
  FakeClock clock;
  FakeRunner runner(clock, 0);
  MedianRuleOptions options;
  options.min_seconds = 2.95;
  const Measurement measurement = measure(runner, MedianRule(options), clock);
  EXPECT_EQ(measurement.samples.size(), 30U);
}

TEST(Measure, RunsOfMillisecondsAreTakenInBlocks) {
  FakeClock clock;
  FakeRunner runner(clock, 0.01);
  runner.base_seconds = 0.004;
  const Measurement measurement = measure(runner, MedianRule(), clock);
  EXPECT_EQ(measurement.reason, StopReason::converged);
  EXPECT_EQ(measurement.steady.runs_per_block, 13U);
  EXPECT_GE(measurement.samples.size(), 13U * min_samples_for_median_interval(0.95));
}

TEST(Measure, RestoresBeforeEveryRunAndTimesNoneOfIt) {
  FakeClock clock;
  std::vector<std::string> log;
  FakeRunner runner(clock, 0, "", &log);
  runner.restore_seconds = 0.4;
  const Measurement measurement = measure(runner, MedianRule(), clock);
  ASSERT_EQ(log.size(), 32U);
  for (std::size_t i = 0; i < log.size(); ++i) {
    EXPECT_EQ(log[i], i % 2 == 0 ? "restore" : "run");
  }
  for (const Sample& sample : measurement.samples) {
    EXPECT_DOUBLE_EQ(sample.total_seconds, 0.1);
  }
  // The budget does count it: 16 runs of 0.1 s after 0.4 s of restoring.
  EXPECT_NEAR(measurement.elapsed_seconds, 16 * 0.5, 1e-9);
}

TEST(Measure, TheColdRunIsApartAndEveryRawSampleIsKept) {
  FakeClock clock;
  FakeRunner runner(clock, 0.001);
  runner.cold_extra_seconds = 3;
  const Measurement measurement = measure(runner, MedianRule(), clock);
  EXPECT_GT(measurement.warmup.front().total_seconds, 3);
  ASSERT_EQ(measurement.warmup.size() + measurement.samples.size(), runner.runs);
  const auto n_warmup = static_cast<std::uint32_t>(measurement.warmup.size());
  for (std::uint32_t i = 0; i < measurement.samples.size(); ++i) {
    EXPECT_DOUBLE_EQ(measurement.samples[i].total_seconds, 0.1 * (1 + 0.001 * noise(0, i + n_warmup)));
    EXPECT_EQ(measurement.samples[i].token_seconds.size(), 2U);
  }
}

TEST(Measure, ALongWarmupStillLeavesOneSample) {
  FakeClock clock;
  FakeRunner runner(clock, 0);
  runner.cold_extra_seconds = 100;
  const Measurement measurement = measure(runner, MedianRule(), clock);
  EXPECT_EQ(measurement.reason, StopReason::budget);
  EXPECT_EQ(measurement.warmup.size(), 1U);
  EXPECT_EQ(measurement.samples.size(), 1U);
}

TEST(Measure, AFailedCheckEndsTheRowAndLeavesNoTiming) {
  FakeClock clock;
  FakeRunner runner(clock, 0.001);
  runner.fails_at = 7;
  const Measurement measurement = measure(runner, MedianRule(), clock);
  EXPECT_EQ(measurement.reason, StopReason::failed);
  EXPECT_FALSE(measurement.converged());
  EXPECT_EQ(runner.runs, 8U);
  EXPECT_EQ(measurement.warmup.size() + measurement.samples.size(), 7U);
  for (const Sample& sample : measurement.samples) {
    EXPECT_TRUE(sample.verified);
  }
}

TEST(Measure, AFailedColdRunLeavesNothing) {
  FakeClock clock;
  FakeRunner runner(clock, 0.001);
  runner.fails_at = 0;
  const Measurement measurement = measure(runner, MedianRule(), clock);
  EXPECT_EQ(measurement.reason, StopReason::failed);
  EXPECT_TRUE(measurement.warmup.empty());
  EXPECT_TRUE(measurement.samples.empty());
}

TEST(Measure, WhatTheRunnerThrowsPassesThrough) {
  class Throwing final : public Runner {
    void restore() override {}
    Sample run() override { throw std::runtime_error("no device"); }
  };
  Throwing runner;
  FakeClock clock;
  EXPECT_THROW((void)measure(runner, MedianRule(), clock), std::runtime_error);
}

TEST(Measure, ReportsProgressAfterEveryRun) {
  FakeClock clock;
  FakeRunner runner(clock, 0.001);
  std::vector<std::size_t> counts;
  Seconds before = 0;
  (void)measure(runner, MedianRule(), clock,
                [&](std::size_t /*row*/, std::span<const Seconds> runs, Seconds elapsed) {
                  counts.push_back(runs.size());
                  EXPECT_GT(elapsed, before);
                  before = elapsed;
                });
  ASSERT_EQ(counts.size(), runner.runs);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    EXPECT_EQ(counts[i], i + 1);
  }
}

/// A rule that takes exactly so many samples, for counting turns.
class ExactlyRule final : public StoppingRule {
 public:
  explicit ExactlyRule(std::size_t n) : n_(n) {}
  [[nodiscard]] SteadyPart steady_part(std::span<const Seconds> /*runs*/) const override { return {}; }
  [[nodiscard]] Decision consider(std::span<const Seconds> runs, Seconds /*elapsed*/) const override {
    return runs.size() > n_ ? Decision(StopReason::max_runs) : std::nullopt;
  }

 private:
  std::size_t n_;
};

class Interleaved : public testing::Test {
 protected:
  /// Runs three rows of `n` samples each; returns the order of the runs.
  std::vector<std::string> order(std::size_t n, std::uint64_t seed) {
    FakeClock clock;
    std::vector<std::string> log;
    FakeRunner a(clock, 0, "a ", &log);
    FakeRunner b(clock, 0, "b ", &log);
    FakeRunner c(clock, 0, "c ", &log);
    Runner* const runners[] = {&a, &b, &c};
    (void)measure_interleaved(runners, ExactlyRule(n), clock, seed);
    std::erase_if(log, [](const std::string& entry) { return entry.ends_with("restore"); });
    return log;
  }
};

TEST_F(Interleaved, EveryRoundRunsEveryRowOnce) {
  std::vector<std::string> log = order(50, 1);
  ASSERT_EQ(log.size(), 3U * 51);
  std::map<std::string, int> orders;
  for (auto round = log.begin(); round != log.end(); round += 3) {
    ++orders[round[0] + round[1] + round[2]];
    std::sort(round, round + 3);
    EXPECT_EQ(std::vector<std::string>(round, round + 3),
              (std::vector<std::string>{"a run", "b run", "c run"}));
  }
  // All six orders occur, none of them rules: at 51 fair draws a count outside [1, 25] has probability below
  // 1e-3, and the seed is fixed.
  EXPECT_EQ(orders.size(), 6U);
  for (const auto& [name, count] : orders) {
    EXPECT_LE(count, 25) << name;
  }
}

TEST_F(Interleaved, TheOrderIsAFunctionOfTheSeed) {
  EXPECT_EQ(order(20, 5), order(20, 5));
  EXPECT_NE(order(20, 5), order(20, 6));
}

TEST_F(Interleaved, RowsThatStoppedLeaveTheOthersToGoOn) {
  FakeClock clock;
  FakeRunner tight(clock, 0.0001);
  FakeRunner noisy(clock, 0.5);
  FakeRunner broken(clock, 0);
  broken.fails_at = 4;
  MedianRuleOptions options;
  options.budget_seconds = 6;
  Runner* const runners[] = {&tight, &noisy, &broken};
  const std::vector<Measurement> rows = measure_interleaved(runners, MedianRule(options), clock, 1);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].reason, StopReason::converged);
  EXPECT_LE(rows[0].samples.size(), 25U);
  EXPECT_EQ(rows[1].reason, StopReason::budget);
  EXPECT_GT(rows[1].samples.size(), 30U);
  EXPECT_EQ(rows[2].reason, StopReason::failed);
  EXPECT_EQ(rows[2].warmup.size() + rows[2].samples.size(), 4U);
  // A row's budget is its own time: the others' runs do not use it up.
  EXPECT_GE(rows[1].elapsed_seconds, 6);
  EXPECT_LT(rows[1].elapsed_seconds, 6.2);
}

TEST_F(Interleaved, NoRowsNoMeasurements) {
  FakeClock clock;
  EXPECT_TRUE(measure_interleaved({}, MedianRule(), clock, 1).empty());
}

}  // namespace
}  // namespace reprise::harness
