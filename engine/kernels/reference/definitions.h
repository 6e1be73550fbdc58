/// The arithmetic that defines the engine's results, in plain scalar code. Used by kernels/reference, kernels/cpu,
/// the trainer and tests.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "engine/core/dtype.h"
#include "engine/kernels/dispatch.h"
#include "engine/kernels/exp.h"

namespace reprise::engine::kernels {

inline constexpr std::int64_t kChains = 16;

/// A chain sum in the making: element k goes to chain k mod 16 by a fused multiply-add.
struct ChainSum {
  float chains[kChains] = {};

  REPRISE_INLINE void add_product(std::int64_t k, float a, float b) {
    float& chain = chains[k % kChains];
    chain = __builtin_fmaf(a, b, chain);
  }
  /// `n` elements were added: the padding up to a multiple of 16 is +0 * +0 (which turns a -0 chain into +0).
  REPRISE_INLINE float fold(std::int64_t n) {
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

/// sum_k a[k] * b[k]; `a` is a pointer to any float type or a cursor over blocks (dispatch.h), widened
/// exactly.
template <class A>
REPRISE_INLINE float chain_dot(A a, const float* b, std::int64_t n) {
  ChainSum sum;
  std::int64_t k = 0;
  for (; k + kChains <= n; k += kChains) {
    for (std::int64_t j = 0; j < kChains; ++j) {
      sum.add_product(j, to_f32(a[k + j]), b[k + j]);
    }
  }
  for (; k < n; ++k) {
    sum.add_product(k, to_f32(a[k]), b[k]);
  }
  return sum.fold(n);
}

/// Blocks of activations (Quantize) below this magnitude are zeros: their reciprocals would overflow.
inline constexpr float kQuantizeLowest = 0x1p-100F;
/// 1.5 * 2^23: adding it rounds to a whole number, which then stands in the low bits of the sum.
inline constexpr float kRoundingMagic = 12582912.0F;

/// One block of activations; returns its scale.
REPRISE_INLINE float quantize_activations(std::int8_t* values, const float* x) {
  float largest = 0.0F;
  float difference = 0.0F;
  for (std::int64_t i = 0; i < kBlock; ++i) {
    const float magnitude = __builtin_fabsf(x[i]);
    largest = magnitude > largest ? magnitude : largest;
    difference += x[i] - x[i];  // NaN for what is not finite
  }
  const bool vanishes = !(largest >= kQuantizeLowest);
  const float inverse = vanishes || difference != 0.0F ? 0.0F : 127.0F / largest;
  for (std::int64_t i = 0; i < kBlock; ++i) {
    const float rounded = inverse == 0.0F ? kRoundingMagic : x[i] * inverse + kRoundingMagic;
    values[i] = static_cast<std::int8_t>(__builtin_bit_cast(std::uint32_t, rounded) & 0xffU);
  }
  return difference != 0.0F ? __builtin_nanf("") : vanishes ? 0.0F : largest / 127.0F;
}

/// The exact product of one block of weights, `weight` at its first element, with a block of activations.
template <class Block>
REPRISE_INLINE std::int32_t block_dot(const BlockCursor<Block>& weight, const std::int8_t* x) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < kBlock; ++i) {
    sum += weight.value_at(i) * x[i];
  }
  return sum;
}

/// A float with the interface exp.h asks for.
struct ScalarLane {
  float v;

  REPRISE_INLINE static ScalarLane broadcast(float x) { return {x}; }
  REPRISE_INLINE static ScalarLane fma(ScalarLane a, ScalarLane b, ScalarLane c) {
    return {__builtin_fmaf(a.v, b.v, c.v)};
  }
  REPRISE_INLINE static ScalarLane exp2_of_magic(ScalarLane x) {
    return {__builtin_bit_cast(float, (__builtin_bit_cast(std::uint32_t, x.v) << 23) + 0x3f800000U)};
  }
  REPRISE_INLINE friend ScalarLane operator+(ScalarLane a, ScalarLane b) { return {a.v + b.v}; }
  REPRISE_INLINE friend ScalarLane operator-(ScalarLane a, ScalarLane b) { return {a.v - b.v}; }
  REPRISE_INLINE friend ScalarLane operator*(ScalarLane a, ScalarLane b) { return {a.v * b.v}; }
};

REPRISE_INLINE float exp_f32(float x) {
  if (x < kExpLowest) {
    return 0.0F;
  }
  return exp_clamped(ScalarLane{kExpHighest < x ? kExpHighest : x}).v;  // a NaN stays one
}

REPRISE_INLINE float silu(float x) {
  return x / (1.0F + exp_f32(-x));
}

REPRISE_INLINE float gelu_tanh(float x) {
  const float cubic = x * x * x;
  const float twice_u = kTwiceSqrt2OverPi * __builtin_fmaf(kGeluCubic, cubic, x);
  return x / (1.0F + exp_f32(-twice_u));
}

}  // namespace reprise::engine::kernels
