#include "engine/core/fixed_math.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "engine/core/check.h"

namespace reprise::engine {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// 1.5 * 2^52: adding it rounds to an integer, to nearest even.
constexpr double kRoundingMagic = 0x1.8p52;
constexpr double kLog2E = 0x1.71547652b82fep0;
/// ln 2 as a sum of two doubles.
constexpr double kLn2 = 0x1.62e42fefa39efp-1;
constexpr double kLn2Rest = 0x1.abc9e3b39803fp-56;
/// Arguments beyond which the exponential is infinite, or rounds to zero.
constexpr double kExpHighest = 0x1.62e42fefa39efp9;
constexpr double kExpLowest = -0x1.74910d52d3052p9;

double rounded(double x) {
  return (x + kRoundingMagic) - kRoundingMagic;
}

/// y * 2^k for y in [0.5, 2] and any k that the exponential meets. In two steps, as 2^k itself may not be a
/// normal number; the first is exact.
double scaled(double y, int k) {
  const auto power = [](int n) { return std::bit_cast<double>(static_cast<std::int64_t>(n + 1023) << 52); };
  const int half = k / 2;
  return y * power(half) * power(k - half);
}

constexpr double factorial(int n) {
  return n < 2 ? 1.0 : n * factorial(n - 1);
}

/// sum_n coefficients[n] * x^n
template <std::size_t N>
double polynomial(const std::array<double, N>& coefficients, double x) {
  double sum = coefficients[N - 1];
  for (std::size_t n = N - 1; n > 0; --n) {
    sum = sum * x + coefficients[n - 1];
  }
  return sum;
}

/// A number as the sum of two doubles: `high` is the sum rounded, so there are about 106 bits.
struct Two {
  double high;
  double low;
};

/// a + b, exactly, where |a| >= |b| or a is 0.
Two sum_ordered(double a, double b) {
  const double high = a + b;
  return {high, b - (high - a)};
}

/// a + b, exactly.
Two sum(double a, double b) {
  const double high = a + b;
  const double b_part = high - a;
  return {high, (a - (high - b_part)) + (b - b_part)};
}

/// a * b, exactly.
Two product(double a, double b) {
  const double high = a * b;
  return {high, std::fma(a, b, -high)};
}

Two operator+(Two a, Two b) {
  const Two high = sum(a.high, b.high);
  const Two low = sum(a.low, b.low);
  const Two partial = sum_ordered(high.high, high.low + low.high);
  return sum_ordered(partial.high, partial.low + low.low);
}

Two operator*(Two a, Two b) {
  const Two high = product(a.high, b.high);
  return sum_ordered(high.high, high.low + (a.high * b.low + a.low * b.high));
}

Two operator/(Two a, Two b) {
  const double quotient = a.high / b.high;
  const double rest = std::fma(-quotient, b.high, a.high) + (a.low - quotient * b.low);
  return sum_ordered(quotient, rest / b.high);
}

/// 1/0! + x/1! + ... : the first terms as two doubles, those whose rounding lies below 2^-85 as one.
Two exp_series(Two x) {
  constexpr int kTerms = 21;
  constexpr int kTermsOfTwo = 9;
  double tail = 1 / factorial(kTerms - 1);
  for (int n = kTerms - 2; n >= kTermsOfTwo; --n) {
    tail = tail * x.high + 1 / factorial(n);
  }
  Two value = {tail, 0};
  for (int n = kTermsOfTwo - 1; n >= 0; --n) {
    value = value * x + Two{1, 0} / Two{factorial(n), 0};
  }
  return value;
}

/// atanh(s) / s = 1/1 + s^2/3 + s^4/5 + ..., for |s| < 0.172, of z = s^2.
Two atanh_series(Two z) {
  constexpr int kTerms = 17;
  constexpr int kTermsOfTwo = 8;
  double tail = 1.0 / (2 * kTerms - 1);
  for (int n = kTerms - 2; n >= kTermsOfTwo; --n) {
    tail = tail * z.high + 1.0 / (2 * n + 1);
  }
  Two value = {tail, 0};
  for (int n = kTermsOfTwo - 1; n >= 0; --n) {
    value = value * z + Two{1, 0} / Two{static_cast<double>(2 * n + 1), 0};
  }
  return value;
}

/// ln x for finite x > 0: x = 2^k m with m in [sqrt(1/2), sqrt(2)], and ln m = 2 atanh((m - 1) / (m + 1)).
Two log_of_two(double x) {
  constexpr double kSqrt2 = 0x1.6a09e667f3bcdp0;
  int k = 0;
  if (x < std::numeric_limits<double>::min()) {
    x *= 0x1p54;
    k = -54;
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  k += static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffffU) | 0x3ff0000000000000U);
  if (m > kSqrt2) {
    m *= 0.5;
    ++k;
  }
  const Two s = Two{m - 1, 0} / sum(m, 1.0);
  const Two half = s * atanh_series(s * s);
  return Two{2 * half.high, 2 * half.low} + Two{static_cast<double>(k), 0} * Two{kLn2, kLn2Rest};
}

}  // namespace

double fixed_exp(double x) {
  if (std::isnan(x)) {
    return x;
  }
  if (x > kExpHighest) {
    return kInfinity;
  }
  if (x < kExpLowest) {
    return 0;
  }
  // ln 2 with a first part short enough that its product with any k here is exact.
  constexpr double kLn2Short = 0x1.62e42feep-1;
  constexpr double kLn2ShortRest = 0x1.a39ef35793c76p-33;
  const double k = rounded(x * kLog2E);
  const double first = x - k * kLn2Short;
  const double second = k * kLn2ShortRest;
  const double r = first - second;
  const double r_rest = (first - r) - second;
  static constexpr auto kCoefficients = [] {
    std::array<double, 13> c{};  // of r^2 / 2!, r^3 / 3!, ...
    for (int n = 0; n < 13; ++n) {
      c[static_cast<std::size_t>(n)] = 1 / factorial(n + 2);
    }
    return c;
  }();
  const double rest = r_rest + r * r * polynomial(kCoefficients, r);
  return scaled(1 + (r + rest), static_cast<int>(k));
}

double fixed_log(double x) {
  if (std::isnan(x) || x == kInfinity) {
    return x;
  }
  if (x <= 0) {
    return x == 0 ? -kInfinity : std::numeric_limits<double>::quiet_NaN();
  }
  return log_of_two(x).high;
}

double fixed_pow(double base, double exponent) {
  REPRISE_CHECK(base > 0 && std::isfinite(base) && std::isfinite(exponent));
  const Two log = log_of_two(base);
  // Checked on the rounded product first: an infinite one has no second part.
  if (exponent * log.high > kExpHighest + 1) {
    return kInfinity;
  }
  if (exponent * log.high < kExpLowest - 1) {
    return 0;
  }
  const Two x = Two{exponent, 0} * log;
  const double k = rounded(x.high * kLog2E);
  const Two y = exp_series(x + Two{-k, 0} * Two{kLn2, kLn2Rest});
  return scaled(y.high, static_cast<int>(k));
}

SineCosine fixed_sine_cosine(double angle) {
  REPRISE_CHECK(std::fabs(angle) <= kMaxAngle);
  constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
  // pi / 2 as a sum of three doubles.
  constexpr double kHalfPi = 0x1.921fb54442d18p0;
  constexpr double kHalfPiRest = 0x1.1a62633145c07p-54;
  constexpr double kHalfPiLast = -0x1.f1976b7ed8fbcp-110;
  const double k = rounded(angle * kTwoOverPi);
  const double first = std::fma(-k, kHalfPi, angle);  // exact: it fits the bits that cancel
  const Two second = product(k, kHalfPiRest);
  const Two reduced = sum(first, -second.high);
  const double r = reduced.high;
  const double r_rest = reduced.low - second.low - k * kHalfPiLast;

  static constexpr std::array<double, 8> kSine = {// of r^3, r^5, ...
                                                  -1 / factorial(3),  1 / factorial(5),   -1 / factorial(7),
                                                  1 / factorial(9),   -1 / factorial(11), 1 / factorial(13),
                                                  -1 / factorial(15), 1 / factorial(17)};
  static constexpr std::array<double, 8> kCosine = {// of r^4, r^6, ...
                                                    1 / factorial(4),   -1 / factorial(6), 1 / factorial(8),
                                                    -1 / factorial(10), 1 / factorial(12), -1 / factorial(14),
                                                    1 / factorial(16),  -1 / factorial(18)};
  const double z = r * r;
  const double half_z = 0.5 * z;
  const double sine = r + (r_rest * (1 - half_z) + z * r * polynomial(kSine, z));
  const double most = 1 - half_z;
  const double cosine = most + (((1 - most) - half_z) + (z * z * polynomial(kCosine, z) - r * r_rest));
  switch (static_cast<std::int64_t>(k) & 3) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

}  // namespace reprise::engine
