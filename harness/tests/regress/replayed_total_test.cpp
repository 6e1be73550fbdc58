/// The proof of the interval of replays: synthetic days whose truth is known.
#include "harness/regress/replayed_total.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "harness/stats/summary.h"
#include "harness/tests/support/synthetic_traffic.h"

namespace reprise::harness {
namespace {

using testing::Traffic;
using testing::TrafficCall;
using testing::TrafficMachine;

constexpr std::size_t kCalls = 2000;
constexpr std::uint64_t kDays = 60;
constexpr int kRuns = 9;

LoggedCalls log_of(const std::vector<TrafficCall>& calls) {
  LoggedCalls log;
  for (const TrafficCall& call : calls) {
    log.lengths.push_back(call.lengths);
    log.seconds.push_back(call.seconds);
  }
  return log;
}

ReplayedCall replayed(Traffic& traffic, const TrafficMachine& machine, const CallLengths& lengths) {
  ReplayedCall call;
  for (int run = 0; run < kRuns; ++run) {
    call.samples.push_back(traffic.noisy(machine, lengths));
  }
  call.seconds = median(call.samples);
  call.n_effective = kRuns;
  return call;
}

/// How often the interval of replays on `machine` held the truth, and how wide it was.
struct Coverage {
  int covered = 0;
  int covered_by_calls = 0;  ///< by the interval over resamples of the log's calls alone
  double width = 0;
  double error = 0;  ///< mean size
  [[nodiscard]] double share() const { return covered / static_cast<double>(kDays); }
  [[nodiscard]] double share_by_calls() const { return covered_by_calls / static_cast<double>(kDays); }
};

Coverage coverage_of(const TrafficMachine& machine, std::size_t k, std::size_t every = 1) {
  Coverage coverage;
  for (std::uint64_t seed = 1; seed <= kDays; ++seed) {
    Traffic traffic(1000 + seed);
    const LoggedCalls log = log_of(traffic.day(kCalls));
    std::vector<bool> eligible(kCalls);
    for (std::size_t i = 0; i < kCalls; i += every) {
      eligible[i] = true;
    }
    const Selection selection = select_calls(log, eligible, {.k = k, .seed = seed});
    std::vector<ReplayedCall> replays;
    std::vector<double> seconds;
    for (const Representative& r : selection.representatives) {
      replays.push_back(replayed(traffic, machine, log.lengths[r.call]));
      seconds.push_back(replays.back().seconds);
    }
    double all = 0;  // every call's median, were it replayed
    for (const CallLengths& lengths : log.lengths) {
      all += machine.seconds(lengths);
    }
    const double truth = all / std::accumulate(log.seconds.begin(), log.seconds.end(), 0.0) - 1;
    const BootstrapOptions bootstrap = {.resamples = 1000, .seed = seed};
    const Prediction p = predict_from_replays(log, selection, replays, bootstrap);
    const Interval by_calls = predict_total(log, selection, seconds, bootstrap).ci;
    coverage.covered += p.ci.low <= truth && truth <= p.ci.high ? 1 : 0;
    coverage.covered_by_calls += by_calls.low <= truth && truth <= by_calls.high ? 1 : 0;
    coverage.width += (p.ci.high - p.ci.low) / (1 + truth) / static_cast<double>(kDays);
    coverage.error += std::abs((1 + p.difference) / (1 + truth) - 1) / static_cast<double>(kDays);
  }
  return coverage;
}

/// The second table of harness/README.md ("Representative calls") is what this prints.
TEST(ReplayedTotal, TheIntervalCoversTheTruth) {
  TrafficMachine other;  // another build: decodes faster, attends more slowly
  other.per_token *= 0.7;
  other.per_prompt_token *= 1.2;
  other.per_prompt_pair *= 3;
  TrafficMachine quiet;
  quiet.noise = 0.01;
  quiet.outliers = 0;
  struct Case {
    const char* name;
    TrafficMachine machine;
    std::size_t k;
    std::size_t every;
  };
  double by_calls = 1;
  for (const Case& c : {Case{"the same machine", {}, 8, 1}, Case{"the same, k = 3", {}, 3, 1},
                        Case{"the same, one call in 50 captured", {}, 8, 50},
                        Case{"the same without noise", quiet, 8, 1}, Case{"another build", other, 8, 1}}) {
    const Coverage coverage = coverage_of(c.machine, c.k, c.every);
    fmt::print("| {} | {:.0f} % | {:.0f} % | {:.1f} % | {:.2f} % |\n", c.name, 100 * coverage.share(),
               100 * coverage.share_by_calls(), 100 * coverage.width, 100 * coverage.error);
    EXPECT_GE(coverage.share(), 0.9) << c.name;
    EXPECT_LE(coverage.width, c.k < 8 ? 0.3 : 0.2) << c.name;  // one that holds everything says nothing
    by_calls = std::min(by_calls, coverage.share_by_calls());
  }
  EXPECT_LT(by_calls, 0.8);  // else all this would not be needed
}

/// Two clusters whose sums can be reckoned by hand.
TEST(ReplayedTotal, PredictsByTheWeights) {
  const LoggedCalls log = {{{0, 10, 5}, {0, 1000, 5}}, {0.1, 1.0}};
  const Selection selection = select_calls(log, {true, true});
  ASSERT_EQ(selection.representatives.size(), 2U);
  const std::vector<ReplayedCall> replays = {{2.2, {2.0, 2.2, 2.6}, 3}, {0.2, {0.2}, 1}};
  const Prediction p = predict_from_replays(log, selection, replays);
  EXPECT_NEAR(p.total_seconds, 2.4, 1e-9);
  EXPECT_NEAR(p.difference, 2.4 / 1.1 - 1, 1e-9);
  // Each call stands for itself, so that only the samples scatter.
  EXPECT_NEAR(p.ci.low, 2.2 / 1.1 - 1, 1e-9);
  EXPECT_NEAR(p.ci.high, 2.8 / 1.1 - 1, 1e-9);
}

/// Samples that depend on one another tell less.
TEST(ReplayedTotal, FewerIndependentSamplesAreLessSure) {
  const LoggedCalls log = {{{0, 10, 5}}, {0.1}};
  const Selection selection = select_calls(log, {true});
  ReplayedCall call{0.105, {}, 21};
  for (int i = 0; i <= 20; ++i) {
    call.samples.push_back(0.1 + 0.0005 * i);
  }
  const Interval sure = predict_from_replays(log, selection, std::vector{call}).ci;
  call.n_effective = 3;
  const Interval less = predict_from_replays(log, selection, std::vector{call}).ci;
  EXPECT_GT(less.high - less.low, 1.5 * (sure.high - sure.low));
}

}  // namespace
}  // namespace reprise::harness
