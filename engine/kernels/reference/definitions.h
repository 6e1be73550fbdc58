/// The arithmetic that defines the engine's results, in plain scalar code. Used by kernels/reference and by
/// tests.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "engine/core/dtype.h"
#include "engine/kernels/exp.h"

namespace reprise::engine::kernels {

inline constexpr std::int64_t kChains = 16;

/// A chain sum in the making: element k goes to chain k mod 16 by a fused multiply-add.
struct ChainSum {
  float chains[kChains] = {};

  void add_product(std::int64_t k, float a, float b) {
    float& chain = chains[k % kChains];
    chain = std::fma(a, b, chain);
  }
  /// `n` elements were added: the padding up to a multiple of 16 is +0 * +0 (which turns a -0 chain into +0).
  float fold(std::int64_t n) {
    for (std::int64_t k = n; k % kChains != 0; ++k) {
      add_product(k, 0.0F, 0.0F);
    }
    for (std::int64_t half = kChains / 2; half >= 1; half /= 2) {
      for (std::int64_t j = 0; j < half; ++j) {
        chains[j] += chains[j + half];
      }
    }
    return chains[0];
  }
};

/// sum_k a[k] * b[k]; `a` in any float type, widened exactly.
template <class A>
float chain_dot(const A* a, const float* b, std::int64_t n) {
  ChainSum sum;
  for (std::int64_t k = 0; k < n; ++k) {
    sum.add_product(k, to_f32(a[k]), b[k]);
  }
  return sum.fold(n);
}

/// A float with the interface exp.h asks for.
struct ScalarLane {
  float v;

  static ScalarLane broadcast(float x) { return {x}; }
  static ScalarLane fma(ScalarLane a, ScalarLane b, ScalarLane c) { return {std::fma(a.v, b.v, c.v)}; }
  static ScalarLane exp2_of_magic(ScalarLane x) {
    return {std::bit_cast<float>((std::bit_cast<std::uint32_t>(x.v) << 23) + 0x3f800000U)};
  }
  friend ScalarLane operator+(ScalarLane a, ScalarLane b) { return {a.v + b.v}; }
  friend ScalarLane operator-(ScalarLane a, ScalarLane b) { return {a.v - b.v}; }
  friend ScalarLane operator*(ScalarLane a, ScalarLane b) { return {a.v * b.v}; }
};

inline float exp_f32(float x) {
  if (x < kExpLowest) {
    return 0.0F;
  }
  return exp_clamped(ScalarLane{std::min(x, kExpHighest)}).v;
}

inline float silu(float x) {
  return x / (1.0F + exp_f32(-x));
}

inline float gelu_tanh(float x) {
  const float cubic = x * x * x;
  const float twice_u = kTwiceSqrt2OverPi * std::fma(kGeluCubic, cubic, x);
  return x / (1.0F + exp_f32(-twice_u));
}

}  // namespace reprise::engine::kernels
