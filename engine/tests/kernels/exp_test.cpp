// The engine's exponential against float64.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "engine/kernels/reference/definitions.h"
#include "engine/kernels/reference/reference.h"
#include "engine/tests/kernels/base_reference.h"
#include "engine/tests/kernels/random_tensors.h"

namespace reprise::engine::kernels {
namespace {

/// Distance from the true value in units of the last place of the nearest float.
double error_in_ulp(float x) {
  const double exact = std::exp(static_cast<double>(x));
  const auto nearest = static_cast<float>(exact);
  const double ulp = std::ldexp(1.0, std::ilogb(nearest) - 23);
  return std::fabs(exp_f32(x) - exact) / ulp;
}

/// The largest error over every `stride`-th float between +0 or -0 and `end`, which has the same sign.
double worst_error(float end, std::uint32_t stride) {
  const std::uint32_t sign = std::bit_cast<std::uint32_t>(end) & 0x80000000U;
  double worst = 0;
  for (std::uint32_t bits = sign; bits <= std::bit_cast<std::uint32_t>(end); bits += stride) {
    worst = std::max(worst, error_in_ulp(std::bit_cast<float>(bits)));
  }
  return worst;
}

TEST(Exp, WithinTwoUlpOverItsRange) {
  // Strides are primes, so that all mantissas are met; floats crowd around 0, so linear steps complete them.
  const double positive = worst_error(kExpHighest, 1009);
  const double negative = worst_error(kExpLowest, 1013);
  double linear = 0;
  for (std::int64_t i = 0; i <= 1'000'000; ++i) {
    linear = std::max(linear, error_in_ulp(kExpLowest + static_cast<float>(i) * 1.75e-4F));
  }
  EXPECT_LE(positive, 2);
  EXPECT_LE(negative, 2);
  EXPECT_LE(linear, 2);
  RecordProperty("worst_ulp", std::to_string(std::max({positive, negative, linear})));
}

TEST(Exp, Landmarks) {
  EXPECT_EQ(exp_f32(0.0F), 1.0F);
  EXPECT_EQ(exp_f32(-0.0F), 1.0F);
  EXPECT_GT(exp_f32(kExpLowest), 0.0F);
  EXPECT_EQ(exp_f32(std::nextafter(kExpLowest, -100.0F)), 0.0F);
  EXPECT_EQ(exp_f32(-std::numeric_limits<float>::infinity()), 0.0F);
  EXPECT_EQ(exp_f32(std::nextafter(kExpHighest, 100.0F)), exp_f32(kExpHighest));
  EXPECT_EQ(exp_f32(std::numeric_limits<float>::infinity()), exp_f32(kExpHighest));
  EXPECT_TRUE(std::isnan(exp_f32(std::numeric_limits<float>::quiet_NaN())));
}

TEST(ExpDifferences, IsTheExponentialWithAndWithoutFma) {
  testing::Random random(1);
  for (const float temperature : {0.1F, 0.7F, 1.0F, 3.0F}) {
    const std::vector<float> x = testing::random_values(random, 1000);
    const float highest = *std::max_element(x.begin(), x.end());
    std::vector<float> out(x.size());
    std::vector<float> base(x.size());
    exp_differences(out, x, highest, temperature);
    testing::base_exp_differences(base.data(), x.data(), std::ssize(x), highest, temperature);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float expected = exp_f32((x[i] - highest) / temperature);
      ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(expected)) << x[i];
      ASSERT_EQ(std::bit_cast<std::uint32_t>(base[i]), std::bit_cast<std::uint32_t>(expected)) << x[i];
    }
  }
}

}  // namespace
}  // namespace reprise::engine::kernels
