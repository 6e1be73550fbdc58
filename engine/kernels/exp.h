/// The engine's exponential: one definition for every instruction set, as arithmetic on a lane type.
///
/// exp(x) for x in [-87, 88]; 0 below, exp(88) above. At most 2 units in the last place from the true value.
/// Written once over `V`: scalars (scalar_exp.h) in kernels/reference and kernels/hip, 16 lanes in
/// kernels/cpu. V has fma, broadcast, and exp2_of_magic: the integer n in the low bits of n + kMagic becomes
/// 2^n. Source: range reduction and coefficients of Cephes expf (S. L. Moshier).
#pragma once

#include "engine/core/inline.h"

namespace reprise::engine::kernels {

inline constexpr float kExpLowest = -87.0F;
inline constexpr float kExpHighest = 88.0F;
inline constexpr float kLog2E = 1.44269504088896341F;
inline constexpr float kLn2High = 0.693359375F;
inline constexpr float kLn2Low = -2.12194440e-4F;
/// 1.5 * 2^23: adding it rounds to an integer, to nearest even, and leaves that integer in the low bits.
inline constexpr float kMagic = 12582912.0F;

/// Constants of the tanh approximation of GELU in its sigmoid form (operations.h, Gelu).
inline constexpr float kTwiceSqrt2OverPi = 1.5957691216057308F;
inline constexpr float kGeluCubic = 0.044715F;

/// `x` is already clamped to [kExpLowest, kExpHighest].
template <class V>
REPRISE_INLINE V exp_clamped(V x) {
  const V shifted = V::fma(x, V::broadcast(kLog2E), V::broadcast(kMagic));
  const V n = shifted - V::broadcast(kMagic);
  V r = V::fma(n, V::broadcast(-kLn2High), x);
  r = V::fma(n, V::broadcast(-kLn2Low), r);
  V p = V::broadcast(1.9875691500e-4F);
  p = V::fma(p, r, V::broadcast(1.3981999507e-3F));
  p = V::fma(p, r, V::broadcast(8.3334519073e-3F));
  p = V::fma(p, r, V::broadcast(4.1665795894e-2F));
  p = V::fma(p, r, V::broadcast(1.6666665459e-1F));
  p = V::fma(p, r, V::broadcast(5.0000001201e-1F));
  const V y = V::fma(p, r * r, r) + V::broadcast(1.0F);
  return y * V::exp2_of_magic(shifted);
}

}  // namespace reprise::engine::kernels
