/// Sums of 16 chains, computed by 16 lanes: the sum of kernels/reference/definitions.h, bit for bit. Lane j
/// of an aligned group of 16 has chain j.
#pragma once

#include "engine/kernels/hip/layout.h"
#include "engine/kernels/hip/runtime.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {

__device__ inline int chain_of_lane() {
  return thread_in_block() % kRowLanes;
}
/// Which group of 16 lanes of its block a thread is in.
__device__ inline int group_in_block() {
  return thread_in_block() / kRowLanes;
}

/// The sum in every lane of the group. Addition commutes, so the lanes' trees differ in nothing.
__device__ inline float fold_chains(float chain) {
  for (int half = kRowLanes / 2; half >= 1; half /= 2) {
    chain += from_lane_xor(chain, half);
  }
  return chain;
}

/// Adds the padding up to a multiple of 16 elements to a chain: +0 * +0, which turns -0 into +0.
__device__ inline float padded_chain(float chain, std::int64_t n) {
  const bool short_by_one = n % kRowLanes != 0 && chain_of_lane() >= n % kRowLanes;
  return short_by_one ? __builtin_fmaf(0.0F, 0.0F, chain) : chain;
}

/// The chain sum of product(k), a pair (a, b), for k in [0, n).
template <class Product>
__device__ inline float chain_sum(std::int64_t n, const Product& product) {
  float chain = 0;
  for (std::int64_t k = chain_of_lane(); k < n; k += kRowLanes) {
    const auto [a, b] = product(k);
    chain = __builtin_fmaf(a, b, chain);
  }
  return fold_chains(padded_chain(chain, n));
}

struct Factors {
  float a;
  float b;
};

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
