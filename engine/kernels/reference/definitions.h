/// The arithmetic that defines the engine's results, in plain scalar code. Used by kernels/reference, kernels/cpu,
/// the trainer and tests.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "engine/core/dtype.h"
#include "engine/kernels/dispatch.h"
#include "engine/kernels/quantize_activations.h"
#include "engine/kernels/scalar_exp.h"

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

/// The exact product of one block of weights, `weight` at its first element, with a block of activations.
template <class Block>
REPRISE_INLINE std::int32_t block_dot(const BlockCursor<Block>& weight, const std::int8_t* x) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < kBlock; ++i) {
    sum += weight.value_at(i) * x[i];
  }
  return sum;
}

}  // namespace reprise::engine::kernels
