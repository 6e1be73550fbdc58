/// Keys and values into a cache [n_kv_heads, n_positions, head_dim], rounded as its dtype: what StoreKv says.
#pragma once

#include "engine/core/int8_rule.h"
#include "engine/kernels/hip/runtime.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {

/// One head's row of one token, by the lanes of a group or the threads of a block: number `lane` of n_lanes.
template <class T>
__device__ inline void store_row(T* cache, std::int64_t at, const float* row, int head_dim, int lane,
                                 int n_lanes) {
  for (int i = lane; i < head_dim; i += n_lanes) {
    cache[at * head_dim + i] = narrow<T>(row[i]);
  }
}
__device__ inline void store_row(Int8Block* cache, std::int64_t at, const float* row, int head_dim, int lane,
                                 int n_lanes) {
  const int n_blocks = head_dim / static_cast<int>(kBlock);
  for (int block = lane; block < n_blocks; block += n_lanes) {
    const float* x = row + block * kBlock;
    Int8Block& out = cache[at * n_blocks + block];
    const float scale = int8_scale(x);
    out.scale = narrow<F16>(scale);
    if (is_finite(widen(out.scale))) {
      int8_levels(x, scale, out.values);
    } else {
      out.scale = narrow<F16>(__builtin_nanf(""));
      for (std::int8_t& value : out.values) {
        value = 0;
      }
    }
  }
}

/// Calls f with a value of the cache's element type.
template <class F>
void with_cache_type(DType dtype, F&& f) {
  if (dtype == DType::int8) {
    f(Int8Block{});
  } else {
    with_float_type(dtype, f);
  }
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
