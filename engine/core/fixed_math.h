/// Exponential, logarithm, power, sine and cosine in double precision from IEEE operations alone (+ - * / and
/// std::fma, in one written order): the same bits on every machine, which no C library promises. For what
/// decides bits outside the kernels: rotary tables, logsumexp, initial weights. Kernels have their own
/// exponential, in f32 (kernels/exp.h).
///
/// Sources: reductions after Cody & Waite 1980, "Software Manual for the Elementary Functions"; sums of two
/// doubles after Dekker 1971 and Knuth, TAOCP 4.2.2; Taylor polynomials.
#pragma once

namespace reprise::engine {

/// At most 1 ulp from the true value (2^-1074 below the normal numbers). Infinities and NaN as in IEEE 754.
double fixed_exp(double x);

/// At most 0.501 ulp. Minus infinity at 0, NaN below.
double fixed_log(double x);

/// base^exponent for base > 0, both finite. At most 0.501 ulp, 1 below the normal numbers.
double fixed_pow(double base, double exponent);

struct SineCosine {
  double sine;
  double cosine;
};

/// Angles beyond this one are a caller's bug.
inline constexpr double kMaxAngle = 0x1p40;

/// Of an angle in radians, at most kMaxAngle in magnitude. At most 1 ulp each.
SineCosine fixed_sine_cosine(double angle);

}  // namespace reprise::engine
