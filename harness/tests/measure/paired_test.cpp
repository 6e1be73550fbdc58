#include "harness/measure/paired.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "harness/tests/support/noisy_runner.h"

namespace reprise::harness {
namespace {

/// Two arms on one clock; b takes `ratio` times as long.
struct Arms {
  explicit Arms(double sigma, double ratio = 1, Seconds seconds = 0.1)
      : a(clock, lognormal(sigma)(1), seconds), b(clock, lognormal(sigma)(2), seconds * ratio) {
    a.log = &log;
    b.log = &log;
    b.name = 'b';
  }
  PairedSession measure(const PairedOptions& options = {}) { return measure_pairs(a, b, options, clock); }

  FakeClock clock;
  std::string log;
  NoisyRunner a;
  NoisyRunner b;
};

ComparisonVerdict verdict(const PairedSession& session, Quantity quantity = Quantity::total) {
  const std::vector<double> by_process[] = {log_ratios(session.pairs, quantity)};
  return verdict_of(estimate_ratio(by_process, {}), {});
}

TEST(MeasurePairs, DecidesBetweenSlowerFasterAndTheSame) {
  for (const auto& [ratio, expected] : {std::pair{1.05, ComparisonVerdict::regression},
                                        {0.95, ComparisonVerdict::improvement},
                                        {1.0, ComparisonVerdict::equivalent}}) {
    const PairedSession session = Arms(0.01, ratio).measure();
    EXPECT_EQ(session.stop, PairedStop::decided);
    EXPECT_EQ(verdict(session), expected) << ratio;
    EXPECT_GE(session.pairs.size(), 10U);
    EXPECT_GE(session.warmup.size(), 2U);
  }
}

TEST(MeasurePairs, TakesTurnsAbbaOrBaabByTheSeed) {
  std::set<std::string> kinds;
  std::set<std::string> sequences;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Arms arms(0.01);
    PairedOptions options;
    options.seed = seed;
    (void)arms.measure(options);
    ASSERT_EQ(arms.log.size() % 4, 0U);
    for (std::size_t i = 0; i < arms.log.size(); i += 4) {
      kinds.insert(arms.log.substr(i, 4));
    }
    sequences.insert(arms.log.substr(0, 40));
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"abba", "baab"}));
  EXPECT_EQ(sequences.size(), 3U);
  Arms first(0.01);
  Arms second(0.01);
  (void)first.measure();
  (void)second.measure();
  EXPECT_EQ(first.log, second.log);
}

TEST(MeasurePairs, RestoresBeforeEveryRun) {
  Arms arms(0.01);
  (void)arms.measure();
  EXPECT_EQ(arms.a.restores, arms.a.runs);
  EXPECT_EQ(arms.b.restores, arms.b.runs);
  EXPECT_EQ(arms.a.runs, arms.b.runs);
}

TEST(MeasurePairs, ShortRunsTakeTurnsOfFiftyMilliseconds) {
  Arms arms(0.01, 1, 0.004);
  const PairedSession session = arms.measure();
  EXPECT_EQ(session.stop, PairedStop::decided);
  for (const Pair& pair : session.pairs) {
    EXPECT_EQ(pair.a.size(), 13U);
    EXPECT_EQ(pair.b.size(), 13U);
  }
  EXPECT_EQ(session.warmup.front().a.size(), 1U);  // the cold pair
}

TEST(MeasurePairs, ASteadyDriftOfTheMachineCancels) {
  FakeClock clock;
  // Both get slower by a tenth of a percent with every run, much more than the band from end to end.
  int turn = 0;
  const Noise drifting = [&turn] { return std::pow(1.001, turn++); };
  NoisyRunner a(clock, drifting);
  NoisyRunner b(clock, drifting);
  const PairedSession session = measure_pairs(a, b, {}, clock);
  EXPECT_EQ(session.stop, PairedStop::decided);
  EXPECT_EQ(verdict(session), ComparisonVerdict::equivalent);
}

TEST(MeasurePairs, StopsWithoutAVerdictWhenTimeOrPairsRunOut) {
  PairedOptions options;
  options.budget_seconds = 5;
  const PairedSession by_time = Arms(0.3).measure(options);
  EXPECT_EQ(by_time.stop, PairedStop::budget);
  EXPECT_EQ(verdict(by_time), ComparisonVerdict::inconclusive);
  options.budget_seconds = 1e6;
  options.max_pairs = 14;
  const PairedSession by_pairs = Arms(0.3).measure(options);
  EXPECT_EQ(by_pairs.stop, PairedStop::max_pairs);
  EXPECT_GE(by_pairs.pairs.size(), 12U);
  EXPECT_LE(by_pairs.pairs.size(), 16U);
}

TEST(MeasurePairs, EveryQuantityNeedsItsVerdict) {
  // The totals are equal; b's first token comes later.
  Arms arms(0.01);
  arms.b.first_token_share = 0.6;
  const PairedSession session = arms.measure();
  EXPECT_EQ(session.stop, PairedStop::decided);
  EXPECT_EQ(verdict(session, Quantity::total), ComparisonVerdict::equivalent);
  EXPECT_EQ(verdict(session, Quantity::first_token), ComparisonVerdict::regression);
  EXPECT_EQ(verdict(session, Quantity::later_tokens), ComparisonVerdict::improvement);
}

TEST(MeasurePairs, AnArmThatFailsItsCheckEndsItAndIsNamed) {
  Arms arms(0.01);
  arms.b.fails_at = 7;
  const PairedSession session = arms.measure();
  EXPECT_EQ(session.stop, PairedStop::failed);
  EXPECT_FALSE(session.a_failed);
  EXPECT_EQ(arms.b.runs, 8U);
}

TEST(MeasurePairs, EachPairOfProcessesHasPairsOfItsOwn) {
  Arms first(0.005);
  const PairedSession earlier[] = {first.measure()};
  Arms second(0.005);
  const PairedSession session = measure_pairs(second.a, second.b, {}, second.clock, earlier);
  EXPECT_EQ(session.stop, PairedStop::decided);
  EXPECT_GE(session.pairs.size(), 10U);
}

TEST(MeasurePairs, TellsProgressAfterEveryPair) {
  Arms arms(0.01);
  std::vector<std::size_t> counts;
  (void)measure_pairs(arms.a, arms.b, {}, arms.clock, {},
                      [&](std::size_t pairs) { counts.push_back(pairs); });
  ASSERT_FALSE(counts.empty());
  EXPECT_EQ(counts.front(), 1U);
  EXPECT_EQ(counts.back(), counts.size());
}

TEST(LogRatios, AreOfTheMediansOfTurns) {
  const auto sample = [](Seconds total, Seconds first) {
    Sample s;
    s.total_seconds = total;
    s.time_to_first_token_seconds = first;
    s.token_seconds = {first, total - first};
    return s;
  };
  Pair pair;
  pair.a = {sample(1, 0.5), sample(2, 0.5), sample(9, 0.5)};
  pair.b = {sample(4, 1), sample(3, 1), sample(5, 1)};
  const std::vector<Pair> pairs = {pair};
  EXPECT_DOUBLE_EQ(log_ratios(pairs, Quantity::total).at(0), std::log(2.0));
  EXPECT_DOUBLE_EQ(log_ratios(pairs, Quantity::first_token).at(0), std::log(2.0));
  EXPECT_DOUBLE_EQ(log_ratios(pairs, Quantity::later_tokens).at(0), std::log(3 / 1.5));
}

TEST(LogRatios, WhatARunDoesNotHaveIsLeftOut) {
  Sample one_token;
  one_token.total_seconds = 1;
  one_token.time_to_first_token_seconds = 1;
  one_token.token_seconds = {1};
  Pair pair;
  pair.a = {one_token};
  pair.b = {one_token};
  const std::vector<Pair> pairs = {pair};
  EXPECT_EQ(log_ratios(pairs, Quantity::total).size(), 1U);
  EXPECT_TRUE(log_ratios(pairs, Quantity::later_tokens).empty());
}

}  // namespace
}  // namespace reprise::harness
