/// Integer products of blocks in plain C++, over ScalarLanes. See dots_avx512.h for what each operation
/// means.
#pragma once

#include "engine/kernels/cpu/block_rows.h"
#include "engine/kernels/cpu/lanes_scalar.h"

namespace reprise::engine::kernels {

struct ScalarDots {
  using Weight = std::int8_t;
  using Activation = std::int8_t;
  static constexpr int kDepth = 4;
  static constexpr int kGroup = 3;
  static constexpr int kPanel = 1;
  struct Ints {
    std::int32_t v[16];
  };

  template <class Block>
  static constexpr int kBias = 0;

  template <class Column>
  REPRISE_INLINE static ScalarLanes block_scales(const Column& column) {
    return ScalarLanes::make([&](int r) { return to_f32(column.at(r).scale); });
  }
  template <class Column>
  REPRISE_INLINE static ScalarLanes block_dots(const Column& column, const Activation* x,
                                               std::int32_t /*offset*/) {
    return ScalarLanes::make([&](int r) {
      const BlockCursor weight{&column.at(r), 0};
      std::int32_t sum = 0;
      for (int i = 0; i < kBlock; ++i) {
        sum += weight.value_at(i) * x[i];
      }
      return static_cast<float>(sum);
    });
  }
  template <class Block>
  REPRISE_INLINE static void unpack(const Block& block, Weight* to) {
    const BlockCursor<Block> values{&block, 0};
    for (int i = 0; i < kBlock; ++i) {
      to[i] = static_cast<Weight>(values.value_at(i));
    }
  }
  REPRISE_INLINE static Ints ints(std::int32_t x) {
    Ints r;
    for (std::int32_t& lane : r.v) {
      lane = x;
    }
    return r;
  }
  REPRISE_INLINE static Ints load(const std::byte* weights) {
    Ints r;
    __builtin_memcpy(r.v, weights, sizeof(r.v));
    return r;
  }
  REPRISE_INLINE static Ints dot(Ints sum, Ints weights, const Activation* x) {
    for (int lane = 0; lane < 16; ++lane) {
      Weight four[kDepth];
      __builtin_memcpy(four, &weights.v[lane], sizeof(four));
      for (int i = 0; i < kDepth; ++i) {
        sum.v[lane] += four[i] * x[i];
      }
    }
    return sum;
  }
  REPRISE_INLINE static ScalarLanes to_float(Ints x) {
    return ScalarLanes::make([&](int i) { return static_cast<float>(x.v[i]); });
  }
};

}  // namespace reprise::engine::kernels
