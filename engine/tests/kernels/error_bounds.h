/// Bounds on rounding errors, for comparing f32 kernels with float64 computations.
///
/// Every bound here is the first-order worst case: each rounding contributes a relative error of at most
/// kUnit, errors of factors add, and a sum inherits the largest error of its terms' paths through the
/// additions, relative to the sum of the terms' magnitudes (Higham 2002, "Accuracy and Stability of Numerical
/// Algorithms", sections 2.2 and 3.1). kSlack covers the second-order terms and the float64 side's own error;
/// results below the normal range add kSmallest each.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

namespace reprise::engine::testing {

inline constexpr double kUnit = 0x1p-24;       ///< half a unit in the last place, relative
inline constexpr double kSmallest = 0x1p-149;  ///< the spacing of subnormals
inline constexpr double kSlack = 1.01;
/// exp.h promises 2 units in the last place, each at most 2 * kUnit.
inline constexpr double kExpError = 4 * kUnit;

/// Relative error of a chain sum of n terms: a term passes ceil(n / 16) fused multiply-adds and 4 additions.
inline double chain_error(std::int64_t n) {
  return static_cast<double>((n + 15) / 16 + 4) * kUnit;
}

inline ::testing::AssertionResult within(double found, double exact, double bound) {
  const double error = std::fabs(found - exact);
  if (error <= kSlack * bound + kSmallest) {  // false for NaN
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << "found " << found << ", exact " << exact << ", error " << error << ", bound " << bound;
}

}  // namespace reprise::engine::testing
