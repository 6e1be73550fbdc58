// The engine's double-precision functions against long double ones of the C library, and against the bits
// they must have on every machine.
#include "engine/core/fixed_math.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include "engine/core/digest.h"
#include "engine/core/philox.h"

namespace reprise::engine {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Distance from the true value in units of the last place of the nearest double.
double error_in_ulp(double found, long double exact) {
  const int exponent = std::max(std::ilogb(static_cast<double>(exact)), -1022);
  return static_cast<double>(std::fabs(static_cast<long double>(found) - exact) /
                             std::ldexp(1.0L, exponent - 52));
}

/// n numbers, uniform in [low, high).
std::vector<double> uniforms(std::uint32_t stream, int n, double low, double high) {
  std::vector<double> values;
  for (int i = 0; i < n; ++i) {
    const PhiloxCounter random = philox4x32_10({static_cast<std::uint32_t>(i), stream, 0, 0}, {2024, 7});
    values.push_back(low + (high - low) * uniform_f64(random[0], random[1]));
  }
  return values;
}

/// The same spread over magnitudes: 2^uniform, so that every exponent in the range is met alike.
std::vector<double> magnitudes(std::uint32_t stream, int n, double low_exponent, double high_exponent) {
  std::vector<double> values = uniforms(stream, n, low_exponent, high_exponent);
  for (double& value : values) {
    const double whole = std::floor(value);
    value = std::ldexp(1 + (value - whole), static_cast<int>(whole));
  }
  return values;
}

template <class F, class Exact>
double worst_error(std::span<const double> inputs, F&& f, Exact&& exact) {
  double worst = 0;
  for (const double x : inputs) {
    worst = std::max(worst, error_in_ulp(f(x), exact(static_cast<long double>(x))));
  }
  return worst;
}

TEST(FixedExp, IsWithinOneUlp) {
  const auto exact = [](long double x) { return std::exp(x); };
  EXPECT_LT(worst_error(uniforms(1, 50'000, -708, 709.7), fixed_exp, exact), 0.9);
  EXPECT_LT(worst_error(uniforms(2, 50'000, -1, 1), fixed_exp, exact), 0.9);
  EXPECT_LT(worst_error(magnitudes(3, 20'000, -60, 0), fixed_exp, exact), 0.9);
  EXPECT_LT(worst_error(uniforms(4, 20'000, -745, -708), fixed_exp, exact), 1) << "below the normal numbers";
}

TEST(FixedExp, EndsOfItsRange) {
  EXPECT_EQ(fixed_exp(0.0), 1.0);
  EXPECT_EQ(fixed_exp(-0.0), 1.0);
  EXPECT_EQ(fixed_exp(0x1.62e42fefa39efp9), 0x1.fffffffffff2ap1023);
  EXPECT_EQ(fixed_exp(0x1.62e42fefa39f0p9), kInfinity);
  EXPECT_EQ(fixed_exp(-0x1.74910d52d3051p9), 0x1p-1074);
  EXPECT_EQ(fixed_exp(-0x1.74910d52d3053p9), 0.0);
  EXPECT_EQ(fixed_exp(kInfinity), kInfinity);
  EXPECT_EQ(fixed_exp(-kInfinity), 0.0);
  EXPECT_TRUE(std::isnan(fixed_exp(kNan)));
}

TEST(FixedLog, IsTheNearestDoubleButForTies) {
  const auto exact = [](long double x) { return std::log(x); };
  EXPECT_LT(worst_error(magnitudes(5, 50'000, -1074, 1023.9), fixed_log, exact), 0.501);
  EXPECT_LT(worst_error(uniforms(6, 50'000, 0.5, 2), fixed_log, exact), 0.501);
  for (int i = 1; i <= 52; ++i) {
    for (const double x : {1 + std::ldexp(1.0, -i), 1 - std::ldexp(1.0, -i)}) {
      EXPECT_LT(error_in_ulp(fixed_log(x), std::log1p(static_cast<long double>(x) - 1)), 0.501) << i;
    }
  }
}

TEST(FixedLog, EndsOfItsRange) {
  EXPECT_EQ(fixed_log(1.0), 0.0);
  EXPECT_EQ(fixed_log(2.0), std::numbers::ln2);
  EXPECT_EQ(fixed_log(0x1p-1074), -0x1.74385446d71c3p9);
  EXPECT_EQ(fixed_log(std::numeric_limits<double>::max()), 0x1.62e42fefa39efp9);
  EXPECT_EQ(fixed_log(0.0), -kInfinity);
  EXPECT_EQ(fixed_log(-0.0), -kInfinity);
  EXPECT_EQ(fixed_log(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(fixed_log(-1.0)));
  EXPECT_TRUE(std::isnan(fixed_log(kNan)));
}

TEST(FixedPow, IsTheNearestDoubleButForTies) {
  // What rotary tables ask for.
  double worst = 0;
  for (const double theta : {10000.0, 500000.0, 1e6, 1e7, 150000.0, 2.0}) {
    for (const int head_dim : {32, 48, 64, 80, 128, 256}) {
      for (int i = 0; i < head_dim / 2; ++i) {
        const double exponent = -2.0 * i / head_dim;
        worst = std::max(worst, error_in_ulp(fixed_pow(theta, exponent),
                                             std::pow(static_cast<long double>(theta), exponent)));
      }
    }
  }
  EXPECT_LT(worst, 0.502);
  const std::vector<double> bases = magnitudes(7, 30'000, -40, 40);
  const std::vector<double> exponents = uniforms(8, 30'000, -15, 15);
  for (std::size_t i = 0; i < bases.size(); ++i) {
    const double found = fixed_pow(bases[i], exponents[i]);
    const long double exact = std::pow(static_cast<long double>(bases[i]), exponents[i]);
    ASSERT_LT(error_in_ulp(found, exact), 0.502) << fmt::format("{:a} ^ {:a}", bases[i], exponents[i]);
  }
}

TEST(FixedPow, ExactPowersAndEnds) {
  EXPECT_EQ(fixed_pow(1e6, 0.0), 1.0);
  EXPECT_EQ(fixed_pow(1e6, -0.0), 1.0);
  EXPECT_EQ(fixed_pow(1.0, 1e300), 1.0);
  EXPECT_EQ(fixed_pow(1e4, 0.5), 100.0);
  EXPECT_EQ(fixed_pow(1e6, -0.5), 0.001);
  EXPECT_EQ(fixed_pow(3.0, 20.0), 3486784401.0);
  EXPECT_EQ(fixed_pow(2.0, -1074.0), 0x1p-1074);
  EXPECT_EQ(fixed_pow(2.0, 1023.0), 0x1p1023);
  EXPECT_EQ(fixed_pow(2.0, 1024.0), kInfinity);
  EXPECT_EQ(fixed_pow(2.0, -1100.0), 0.0);
  EXPECT_EQ(fixed_pow(1e300, 1e300), kInfinity);
  EXPECT_EQ(fixed_pow(1e300, -1e300), 0.0);
}

TEST(FixedSineCosine, AreWithinOneUlp) {
  const auto sine = [](double x) { return fixed_sine_cosine(x).sine; };
  const auto cosine = [](double x) { return fixed_sine_cosine(x).cosine; };
  const auto exact_sine = [](long double x) { return std::sin(x); };
  const auto exact_cosine = [](long double x) { return std::cos(x); };
  std::vector<std::vector<double>> inputs = {
      uniforms(9, 50'000, -1e6, 1e6), uniforms(10, 50'000, -7, 7), magnitudes(11, 20'000, -60, 40), {}};
  // Next to multiples of pi / 2, where the result is what is left of the angle.
  for (int k = 1; k < 20'000; ++k) {
    inputs.back().push_back(k * (std::numbers::pi / 2));
    inputs.back().push_back(k * 31 * (std::numbers::pi / 2));
  }
  for (const std::vector<double>& angles : inputs) {
    EXPECT_LT(worst_error(angles, sine, exact_sine), 0.9);
    EXPECT_LT(worst_error(angles, cosine, exact_cosine), 0.9);
  }
}

TEST(FixedSineCosine, Landmarks) {
  EXPECT_EQ(fixed_sine_cosine(0).sine, 0.0);
  EXPECT_EQ(fixed_sine_cosine(0).cosine, 1.0);
  EXPECT_EQ(fixed_sine_cosine(std::numbers::pi).sine, 0x1.1a62633145c07p-53);
  EXPECT_EQ(fixed_sine_cosine(std::numbers::pi).cosine, -1.0);
  EXPECT_EQ(fixed_sine_cosine(-kMaxAngle).cosine, fixed_sine_cosine(kMaxAngle).cosine);
  EXPECT_EQ(fixed_sine_cosine(-kMaxAngle).sine, -fixed_sine_cosine(kMaxAngle).sine);
  EXPECT_DEATH(fixed_sine_cosine(2 * kMaxAngle), "kMaxAngle");
  EXPECT_DEATH(fixed_sine_cosine(kNan), "kMaxAngle");
}

template <class F>
std::string digest_of(std::span<const double> inputs, F&& f) {
  std::vector<double> outputs(inputs.size());
  std::ranges::transform(inputs, outputs.begin(), f);
  return fmt::format("{:016x}", xxh3_64(std::as_bytes(std::span(outputs))));
}

/// Equal on every machine. Another algorithm has other bits: change them here, and look whether goldens of
/// whole models (tests/goldens/machine) stay.
TEST(FixedMath, HasTheseBitsOnEveryMachine) {
  EXPECT_EQ(fixed_exp(0.7), 0x1.01c2a61268987p1);
  EXPECT_EQ(fixed_exp(-20.25), 0x1.b93de1e27ca3bp-30);
  EXPECT_EQ(fixed_log(0.7), -0x1.6d3c324e13f5p-2);
  EXPECT_EQ(fixed_log(1e10), 0x1.7069e2aa2aa5bp4);
  EXPECT_EQ(fixed_pow(1e6, -0.25), 0x1.030dc4ea03a72p-5);
  EXPECT_EQ(fixed_sine_cosine(2.5).sine, 0x1.326af0dcfcabp-1);
  EXPECT_EQ(fixed_sine_cosine(2.5).cosine, -0x1.9a2f7ef858b7dp-1);
  EXPECT_EQ(fixed_sine_cosine(123456.7).sine, -0x1.ffa4cf2bce7e5p-1);
  EXPECT_EQ(digest_of(uniforms(20, 20'000, -750, 710), fixed_exp), "358251ded5167f8f");
  EXPECT_EQ(digest_of(magnitudes(21, 20'000, -1074, 1023.9), fixed_log), "58edde5cac14413b");
  const auto power = [](double y) { return fixed_pow(1e6, y); };
  EXPECT_EQ(digest_of(uniforms(22, 20'000, -50, 50), power), "c132407de57150f3");
  const auto sine = [](double x) { return fixed_sine_cosine(x).sine; };
  const auto cosine = [](double x) { return fixed_sine_cosine(x).cosine; };
  EXPECT_EQ(digest_of(uniforms(23, 20'000, -1e6, 1e6), sine), "223d156c2158d42b");
  EXPECT_EQ(digest_of(uniforms(23, 20'000, -1e6, 1e6), cosine), "f5c21e951e29244b");
}

}  // namespace
}  // namespace reprise::engine
