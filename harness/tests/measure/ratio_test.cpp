#include "harness/measure/ratio.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "harness/stats/median_sequence.h"
#include "harness/tests/support/noise_models.h"

namespace reprise::harness {
namespace {

std::vector<double> pairs_around(double log_ratio, std::size_t n, double sigma, std::uint64_t seed = 1) {
  Noise noise = lognormal(sigma)(seed);
  std::vector<double> pairs(n);
  for (double& x : pairs) {
    x = log_ratio + std::log(noise());
  }
  return pairs;
}

RatioEstimate estimate_of(std::vector<std::vector<double>> by_process, const RatioOptions& options = {}) {
  return estimate_ratio(by_process, options);
}

ComparisonVerdict verdict_around(double effect, std::size_t n = 60, double sigma = 0.003) {
  const RatioOptions options;
  return verdict_of(estimate_of({pairs_around(std::log1p(effect), n, sigma)}, options), options);
}

TEST(VerdictOf, FollowsTheInterval) {
  EXPECT_EQ(verdict_around(0.03), ComparisonVerdict::regression);
  EXPECT_EQ(verdict_around(-0.03), ComparisonVerdict::improvement);
  EXPECT_EQ(verdict_around(0), ComparisonVerdict::equivalent);
  EXPECT_EQ(verdict_around(0.01), ComparisonVerdict::inconclusive);           // on the edge of the band
  EXPECT_EQ(verdict_around(0.03, 60, 0.5), ComparisonVerdict::inconclusive);  // in the noise
}

TEST(VerdictOf, FewPairsAreInconclusiveHoweverClear) {
  RatioOptions options;
  options.confidence = 0.5;  // an interval exists from few pairs on
  for (const std::size_t n : {std::size_t{19}, std::size_t{20}}) {
    EXPECT_EQ(verdict_of(estimate_of({std::vector<double>(n, 0.5)}, options), options),
              n < 20 ? ComparisonVerdict::inconclusive : ComparisonVerdict::regression);
  }
  EXPECT_EQ(verdict_of(estimate_of({std::vector<double>(11, 0.5)}), {}), ComparisonVerdict::inconclusive);
}

TEST(VerdictOf, HasNames) {
  EXPECT_EQ(name_of(ComparisonVerdict::regression), "regression");
  EXPECT_EQ(name_of(ComparisonVerdict::inconclusive), "inconclusive");
}

TEST(EstimateRatio, OfOneProcessIsTheConfidenceSequence) {
  const std::vector<double> pairs = pairs_around(0.02, 80, 0.01);
  const RatioEstimate estimate = estimate_of({pairs});
  EXPECT_EQ(estimate.n_pairs, 80U);
  const double inflation = 80 / estimate.n_effective;
  EXPECT_GE(inflation, 1);
  EXPECT_EQ(estimate.ci, median_confidence_interval(pairs, 0.99, inflation));
  EXPECT_LT(estimate.p_not_slower, 0.5);
  EXPECT_EQ(estimate.p_not_faster, 1);
}

TEST(EstimateRatio, ProcessesThatDifferWidenTheInterval) {
  std::vector<std::vector<double>> by_process;
  for (int process = 0; process < 4; ++process) {
    by_process.push_back(pairs_around(0.02 * process, 30, 0.001, static_cast<std::uint64_t>(process) + 1));
  }
  const RatioEstimate estimate = estimate_of(by_process);
  // Medians 0, 0.02, 0.04, 0.06: mean 0.03, s = 0.0258, t(3) at 0.995 = 5.841, over sqrt(4).
  EXPECT_NEAR(estimate.ci->low, 0.03 - 5.841 * 0.02582 / 2, 0.003);
  EXPECT_NEAR(estimate.ci->high, 0.03 + 5.841 * 0.02582 / 2, 0.003);
  EXPECT_GT(estimate.p_not_slower, 0.01);  // though no pair but one process's is below the band
}

TEST(EstimateRatio, ProcessesThatAgreeLeaveTheIntervalOfPairs) {
  std::vector<std::vector<double>> by_process;
  std::vector<double> all;
  for (std::uint64_t process = 0; process < 5; ++process) {
    by_process.push_back(pairs_around(0, 21, 0.01, process + 1));
    all.insert(all.end(), by_process.back().begin(), by_process.back().end());
  }
  const RatioEstimate together = estimate_of(by_process);
  const RatioEstimate apart = estimate_of({all});
  EXPECT_GE(together.ci->high - together.ci->low, 0.8 * (apart.ci->high - apart.ci->low));
  EXPECT_EQ(together.log_ratio, apart.log_ratio);
}

TEST(EstimateRatio, TheDetectableEffectIsBeyondTheBandAndShrinksWithPairs) {
  const double few = *estimate_of({pairs_around(0, 40, 0.01)}).minimum_detectable_effect;
  const double many = *estimate_of({pairs_around(0, 400, 0.01)}).minimum_detectable_effect;
  EXPECT_GT(few, many);
  EXPECT_GT(many, 0.01);
  EXPECT_FALSE(estimate_of({pairs_around(0, 5, 0.01)}).minimum_detectable_effect.has_value());
}

TEST(EstimateRatio, TheDetectableEffectIsDetectedFourTimesInFive) {
  // As many pairs as told the effect, slowed by it: 400 replicates have a standard error of 2 %.
  int detected = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    const double effect = *estimate_of({pairs_around(0, 80, 0.01, seed)}).minimum_detectable_effect;
    const RatioEstimate slowed = estimate_of({pairs_around(std::log1p(effect), 80, 0.01, seed + 1000)});
    detected += verdict_of(slowed, {}) == ComparisonVerdict::regression ? 1 : 0;
  }
  EXPECT_GE(detected, 0.8 * 400 - 3 * 8);
  EXPECT_LE(detected, 0.97 * 400);
}

TEST(EstimateRatioDeathTest, NoPairsAreACallersMistake) {
  EXPECT_DEATH((void)estimate_of({}), "check failed");
  EXPECT_DEATH((void)estimate_of({{}}), "check failed");
}

/// Of as many pairs as there are, it is the estimate's own; of four times as many, about half as far beyond
/// the band.
TEST(MinimumDetectableEffect, FollowsTheNumberOfPairs) {
  const std::vector<double> pairs = pairs_around(0, 200, 0.01);
  const RatioOptions options;
  const auto own = minimum_detectable_effect(pairs, pairs.size(), options);
  ASSERT_TRUE(own);
  EXPECT_DOUBLE_EQ(*own, *estimate_of({pairs}).minimum_detectable_effect);
  const auto of_more = minimum_detectable_effect(pairs, 800, options);
  EXPECT_NEAR(*of_more - options.band, (*own - options.band) / 2, 0.1 * *own);
}

TEST(MinimumDetectableEffect, NeedsEnoughPairs) {
  EXPECT_FALSE(minimum_detectable_effect({}, 100, {}));
  EXPECT_FALSE(minimum_detectable_effect(std::vector<double>(11, 0.0), 100, {}));
  EXPECT_FALSE(minimum_detectable_effect(std::vector<double>(100, 0.0), 11, {}));
  EXPECT_TRUE(minimum_detectable_effect(std::vector<double>(100, 0.0), 100, {}));
}

}  // namespace
}  // namespace reprise::harness
