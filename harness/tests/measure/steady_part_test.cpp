#include "harness/measure/steady_part.h"

#include <gtest/gtest.h>

#include <vector>

#include "harness/stats/median_sequence.h"
#include "harness/stats/summary.h"
#include "harness/tests/support/noise_models.h"

namespace reprise::harness {
namespace {

std::vector<Seconds> runs_of(const NoiseModel& model, std::size_t n, Seconds seconds = 0.1) {
  Noise noise = model(1);
  std::vector<Seconds> runs = {10 * seconds};  // the cold one
  while (runs.size() <= n) {
    runs.push_back(seconds * noise());
  }
  return runs;
}

TEST(FindSteadyPart, OfSettledRunsIsAllButTheColdOneOrFew) {
  const SteadyPart part = find_steady_part(runs_of(lognormal(0.01), 60));
  EXPECT_LE(part.warmup_runs, 10U);
  EXPECT_GE(part.warmup_runs, 1U);
  EXPECT_EQ(part.runs_per_block, 1U);
  EXPECT_TRUE(part.found);
  EXPECT_FALSE(part.is_moving());
}

TEST(FindSteadyPart, DropsWhatIsAskedFor) {
  const auto runs = runs_of(lognormal(0.01), 60);
  EXPECT_GE(find_steady_part(runs, 12).warmup_runs, 12U);
  EXPECT_EQ(find_steady_part(std::vector<Seconds>{1, 2}, 12).warmup_runs, 2U);
}

TEST(FindSteadyPart, CutsAtBlocks) {
  std::vector<Seconds> runs = runs_of(lognormal(0.01), 13 * 40, 0.004);
  for (std::size_t i = 1; i <= 13 * 6; ++i) {
    runs[i] *= 1.5;
  }
  runs[0] = 1;
  const SteadyPart part = find_steady_part(runs);
  // Blocks are sized by the first runs, which were half as slow again: 0.05 / 0.006 is 9.
  EXPECT_EQ(part.runs_per_block, 9U);
  EXPECT_EQ((part.warmup_runs - 1) % 9, 0U);
  EXPECT_GE(part.warmup_runs, 13U * 6);
}

TEST(FindSteadyPart, BlocksAreOddAndBounded) {
  for (const double seconds : {1.0, 0.05, 0.049, 0.025, 0.001, 1e-7, 0.0}) {
    const SteadyPart part = find_steady_part(std::vector<Seconds>(20, seconds));
    EXPECT_EQ(part.runs_per_block % 2, 1U) << seconds;
    EXPECT_LE(part.runs_per_block, 9999U) << seconds;
    EXPECT_GE(static_cast<double>(part.runs_per_block) * seconds + (seconds < 1e-5 ? 1 : 0), 0.05) << seconds;
  }
}

TEST(FindSteadyPart, RunsThatMoveAreSeen) {
  const SteadyPart part = find_steady_part(runs_of(drift(0.003, 0.005), 60));
  EXPECT_TRUE(part.is_moving());
  EXPECT_FALSE(part.is_settled());
}

TEST(BlockMedians, OfWholeBlocksOnly) {
  const std::vector<double> values = {3, 1, 2, 9, 7, 8, 5};
  EXPECT_EQ(block_medians(values, 3), (std::vector<double>{2, 8}));
  EXPECT_EQ(block_medians(values, 1), values);
  EXPECT_TRUE(block_medians(values, 9).empty());
  EXPECT_EQ(block_medians_or_median(values, 3), block_medians(values, 3));
  EXPECT_EQ(block_medians_or_median(values, 9), (std::vector<double>{median(values)}));
}

TEST(BlockMedians, HaveTheMedianOfRunsInTheLongRun) {
  // A skewed distribution, whose block means would lie a tenth above its median.
  const auto model = floor_and_exponential(1.0);
  Noise noise = model(5);
  std::vector<double> values(90'001);
  for (double& x : values) {
    x = noise();
  }
  EXPECT_NEAR(estimate_median(block_medians(values, 9), 0.95).value, long_run_median(model), 0.01);
}

TEST(EstimateMedian, CountsWhatDependenceLeaves) {
  const auto runs = runs_of(autoregressive(0.8, 0.02), 400);
  const MedianEstimate estimate = estimate_median(std::span(runs).subspan(1), 0.95);
  EXPECT_EQ(estimate.n_blocks, 400U);
  EXPECT_LT(estimate.n_effective, 150);
  const Interval naive = *median_confidence_interval(std::span(runs).subspan(1), 0.95);
  EXPECT_GT(estimate.ci->high - estimate.ci->low, 1.5 * (naive.high - naive.low));
}

}  // namespace
}  // namespace reprise::harness
