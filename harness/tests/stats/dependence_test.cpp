#include "harness/stats/dependence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "harness/tests/support/noise_models.h"

namespace reprise::harness {
namespace {

std::vector<double> samples_of(const NoiseModel& model, std::size_t n, std::uint64_t seed = 1) {
  Noise noise = model(seed);
  std::vector<double> samples(n);
  for (double& x : samples) {
    x = noise();
  }
  return samples;
}

/// 1 + 2 sum_k r_k of the signs of a Gaussian AR(1): r_k = 2/pi asin(rho^k).
double exact_inflation(double rho) {
  double sum = 1;
  for (int k = 1; k < 200; ++k) {
    sum += 2 * 2 / std::numbers::pi * std::asin(std::pow(rho, k));
  }
  return sum;
}

TEST(SignVarianceInflation, OfIndependentSamplesIsAboutOne) {
  EXPECT_NEAR(sign_variance_inflation(samples_of(lognormal(0.1), 4000)), 1, 0.1);
}

TEST(SignVarianceInflation, IsThatOfTheArcsineLaw) {
  for (const double rho : {0.1, 0.3, 0.6, 0.9}) {
    const double expected = exact_inflation(rho);
    EXPECT_NEAR(sign_variance_inflation(samples_of(autoregressive(rho, 0.1), 20'000)), expected,
                0.15 * expected)
        << rho;
  }
}

TEST(SignVarianceInflation, DoesNotSeeHowLargeOutliersAre) {
  std::vector<double> samples = samples_of(autoregressive(0.6, 0.1), 500);
  const double before = sign_variance_inflation(samples);
  for (double& x : samples) {
    x = x > 1.3 ? 1000 * x : x;
  }
  EXPECT_EQ(sign_variance_inflation(samples), before);
}

TEST(SignVarianceInflation, IsAtLeastOneAndDefinedForEverything) {
  std::vector<double> alternating;
  for (int i = 0; i < 100; ++i) {
    alternating.push_back(i % 2);
  }
  EXPECT_EQ(sign_variance_inflation(alternating), 1);
  EXPECT_EQ(sign_variance_inflation(std::vector<double>(50, 2.0)), 1);
  EXPECT_EQ(sign_variance_inflation(std::vector<double>{1, 2, 3}), 1);
  EXPECT_EQ(sign_variance_inflation({}), 1);
}

TEST(EffectiveSampleSize, IsTheNumberOverTheInflation) {
  const std::vector<double> samples = samples_of(autoregressive(0.6, 0.1), 300);
  EXPECT_DOUBLE_EQ(effective_sample_size(samples), 300 / sign_variance_inflation(samples));
  EXPECT_LT(effective_sample_size(samples), 200);
}

}  // namespace
}  // namespace reprise::harness
