/// Integer products of blocks in NEON registers, for processors without the dot-product extension: bytes are
/// multiplied to 16 bits, where the sum of two products fits, as activations are at most 127 in magnitude
/// (Quantize). Compiled only in target_neon.cpp. See dots_avx512.h for what each operation means.
#pragma once

#if defined(__aarch64__)

#include "engine/kernels/cpu/block_rows.h"
#include "engine/kernels/cpu/lanes_neon.h"

namespace reprise::engine::kernels {

struct NeonDots {
  using Weight = std::int8_t;
  using Activation = std::int8_t;
  static constexpr int kDepth = 4;
  static constexpr int kGroup = 3;  // 12 integer and 12 float accumulators, a weight (4) and a broadcast
  static constexpr int kPanel = 1;
  struct Ints {
    int32x4_t v[4];
  };

  template <class Block>
  static constexpr int kBias = 0;

  template <class Column>
  REPRISE_INLINE static NeonLanes block_scales(const Column& column) {
    return NeonLanes::make([&](int i) __attribute__((always_inline)) {
      const F16 scales[4] = {column.at(4 * i).scale, column.at(4 * i + 1).scale, column.at(4 * i + 2).scale,
                             column.at(4 * i + 3).scale};
      return widen_four(scales);
    });
  }
  template <class Column>
  REPRISE_INLINE static NeonLanes block_dots(const Column& column, const Activation* x,
                                             std::int32_t /*offset*/) {
    const int8x16_t x_low = vld1q_s8(x);
    const int8x16_t x_high = vld1q_s8(x + 16);
    const auto sums = [&](int row) __attribute__((always_inline)) {
      const auto& block = column.at(row);
      const int16x8_t first = products(sixteen_values(block, 0), x_low);
      return vpadalq_s16(vpaddlq_s16(first), products(sixteen_values(block, 16), x_high));
    };
    return NeonLanes::make([&](int i) __attribute__((always_inline)) {
      return vcvtq_f32_s32(
          vpaddq_s32(vpaddq_s32(sums(4 * i), sums(4 * i + 1)), vpaddq_s32(sums(4 * i + 2), sums(4 * i + 3))));
    });
  }
  template <class Block>
  REPRISE_INLINE static void unpack(const Block& block, Weight* to) {
    vst1q_s8(to, sixteen_values(block, 0));
    vst1q_s8(to + 16, sixteen_values(block, 16));
  }
  REPRISE_INLINE static Ints ints(std::int32_t x) {
    const int32x4_t all = vdupq_n_s32(x);
    return {{all, all, all, all}};
  }
  REPRISE_INLINE static Ints load(const std::byte* weights) {
    Ints r;
    __builtin_memcpy(r.v, weights, sizeof(r.v));
    return r;
  }
  REPRISE_INLINE static Ints dot(Ints sum, Ints weights, const Activation* x) {
    std::int32_t four;
    __builtin_memcpy(&four, x, sizeof(four));
    const int8x16_t activations = vreinterpretq_s8_s32(vdupq_n_s32(four));
    const auto quarter = [&](int i) __attribute__((always_inline)) {
      const int8x16_t four_lanes = vreinterpretq_s8_s32(weights.v[i]);
      const int16x8_t low = vmull_s8(vget_low_s8(four_lanes), vget_low_s8(activations));
      const int16x8_t high = vmull_high_s8(four_lanes, activations);
      return vpadalq_s16(sum.v[i], vpaddq_s16(low, high));
    };
    return {{quarter(0), quarter(1), quarter(2), quarter(3)}};
  }
  REPRISE_INLINE static NeonLanes to_float(Ints x) {
    return NeonLanes::make([&](int i) __attribute__((always_inline)) { return vcvtq_f32_s32(x.v[i]); });
  }

 private:
  /// Sums of two products each.
  REPRISE_INLINE static int16x8_t products(int8x16_t a, int8x16_t b) {
    return vmlal_high_s8(vmull_s8(vget_low_s8(a), vget_low_s8(b)), a, b);
  }
};

}  // namespace reprise::engine::kernels

#endif
