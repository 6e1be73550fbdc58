/// 16 lanes of f32 in four NEON registers, for any AArch64 processor. Compiled only in target_neon.cpp. See
/// lanes_avx512.h for what each operation means. Tiles are as large as 32 registers hold with their operands:
/// 6 vectors of accumulators (24), a vector (4) and a broadcast, or 4 vectors (16) and three to read (12).
/// Counted, not measured: the project has run this under emulation only.
#pragma once

#if defined(__aarch64__)

#include <arm_neon.h>

#include "engine/core/block_formats.h"
#include "engine/core/dtype.h"
#include "engine/core/tensor_view.h"
#include "engine/kernels/dispatch.h"

namespace reprise::engine::kernels {

/// Elements `place` to `place + 15` of a block, place 0 or 16.
REPRISE_INLINE int8x16_t sixteen_values(const Int8Block& block, int place) {
  return vld1q_s8(block.values + place);
}
REPRISE_INLINE int8x16_t sixteen_values(const Int4Block& block, int place) {
  const uint8x16_t bytes = vld1q_u8(block.nibbles);
  const uint8x16_t nibbles = place == 0 ? vandq_u8(bytes, vdupq_n_u8(15)) : vshrq_n_u8(bytes, 4);
  return vsubq_s8(vreinterpretq_s8_u8(nibbles), vdupq_n_s8(8));
}

/// The f32 values of four f16.
REPRISE_INLINE float32x4_t widen_four(const F16* p) {
  uint16x4_t bits;
  __builtin_memcpy(&bits, p, sizeof(bits));
  return vcvt_f32_f16(vreinterpret_f16_u16(bits));
}

struct NeonLanes {
  static constexpr int kDecodeRows = 4;
  static constexpr int kTileRows = 2;
  static constexpr int kTileTokens = 2;
  static constexpr int kGroup = 6;
  static constexpr int kPanel = 1;
  static constexpr int kScores = 4;
  static constexpr int kQueries = 2;
  static constexpr int kWeighed = 6;
  static constexpr int kValues = 1;

  float32x4_t v[4];

  /// f gives the quarters, lanes 4 i to 4 i + 3.
  template <class F>
  REPRISE_INLINE static NeonLanes make(F&& f) {
    return {{f(0), f(1), f(2), f(3)}};
  }
  REPRISE_INLINE static NeonLanes broadcast(float x) {
    return make([&](int) __attribute__((always_inline)) { return vdupq_n_f32(x); });
  }
  REPRISE_INLINE static NeonLanes load(const float* p) {
    return make([&](int i) __attribute__((always_inline)) { return vld1q_f32(p + 4 * i); });
  }
  REPRISE_INLINE static NeonLanes load(const F16* p) {
    return make([&](int i) __attribute__((always_inline)) { return widen_four(p + 4 * i); });
  }
  REPRISE_INLINE static NeonLanes load(const Bf16* p) {
    return make([&](int i) __attribute__((always_inline)) {
      uint16x4_t bits;
      __builtin_memcpy(&bits, p + 4 * i, sizeof(bits));
      return vreinterpretq_f32_u32(vshll_n_u16(bits, 16));
    });
  }
  template <class Block>
  REPRISE_INLINE static NeonLanes load(BlockCursor<Block> p) {
    const F16 scales[4] = {p.block().scale, p.block().scale, p.block().scale, p.block().scale};
    const float32x4_t scale = widen_four(scales);
    const int8x16_t bytes = sixteen_values(p.block(), p.place());
    const int16x8_t low = vmovl_s8(vget_low_s8(bytes));
    const int16x8_t high = vmovl_high_s8(bytes);
    const auto scaled = [&](int32x4_t values) __attribute__((always_inline)) {
      return vmulq_f32(scale, vcvtq_f32_s32(values));
    };
    return {{scaled(vmovl_s16(vget_low_s16(low))), scaled(vmovl_high_s16(low)),
             scaled(vmovl_s16(vget_low_s16(high))), scaled(vmovl_high_s16(high))}};
  }
  REPRISE_INLINE void store_low_bytes(std::int8_t* p) const {
    const uint16x8_t low = vcombine_u16(vmovn_u32(bits(0)), vmovn_u32(bits(1)));
    const uint16x8_t high = vcombine_u16(vmovn_u32(bits(2)), vmovn_u32(bits(3)));
    vst1q_s8(p, vreinterpretq_s8_u8(vcombine_u8(vmovn_u16(low), vmovn_u16(high))));
  }
  REPRISE_INLINE void store(float* p) const {
    for (int i = 0; i < 4; ++i) {
      vst1q_f32(p + 4 * i, v[i]);
    }
  }
  REPRISE_INLINE void store(F16* p) const {
    for (int i = 0; i < 4; ++i) {
      const float16x4_t half = vcvt_f16_f32(v[i]);
      __builtin_memcpy(p + 4 * i, &half, sizeof(half));
    }
  }
  REPRISE_INLINE void store(Bf16* p) const {
    for (int i = 0; i < 4; ++i) {
      const uint16x4_t upper = narrow(i);
      __builtin_memcpy(p + 4 * i, &upper, sizeof(upper));
    }
  }
  REPRISE_INLINE static NeonLanes fma(NeonLanes a, NeonLanes b, NeonLanes c) {
    return make([&](int i) __attribute__((always_inline)) { return vfmaq_f32(c.v[i], a.v[i], b.v[i]); });
  }
  REPRISE_INLINE friend NeonLanes operator+(NeonLanes a, NeonLanes b) {
    return make([&](int i) __attribute__((always_inline)) { return vaddq_f32(a.v[i], b.v[i]); });
  }
  REPRISE_INLINE friend NeonLanes operator-(NeonLanes a, NeonLanes b) {
    return make([&](int i) __attribute__((always_inline)) { return vsubq_f32(a.v[i], b.v[i]); });
  }
  REPRISE_INLINE friend NeonLanes operator*(NeonLanes a, NeonLanes b) {
    return make([&](int i) __attribute__((always_inline)) { return vmulq_f32(a.v[i], b.v[i]); });
  }
  REPRISE_INLINE friend NeonLanes operator/(NeonLanes a, NeonLanes b) {
    return make([&](int i) __attribute__((always_inline)) { return vdivq_f32(a.v[i], b.v[i]); });
  }
  // Not FMAX and FMIN: these give the NaN of either operand, and order the zeros.
  REPRISE_INLINE static NeonLanes max(NeonLanes a, NeonLanes b) {
    return make([&](int i) __attribute__((always_inline)) { return larger(a.v[i], b.v[i]); });
  }
  REPRISE_INLINE static NeonLanes min(NeonLanes a, NeonLanes b) {
    return make([&](int i) __attribute__((always_inline)) {
      return vbslq_f32(vcltq_f32(a.v[i], b.v[i]), a.v[i], b.v[i]);
    });
  }
  REPRISE_INLINE static NeonLanes zero_where_less(NeonLanes y, NeonLanes x, NeonLanes bound) {
    return make([&](int i) __attribute__((always_inline)) {
      return vreinterpretq_f32_u32(vbicq_u32(y.bits(i), vcltq_f32(x.v[i], bound.v[i])));
    });
  }
  REPRISE_INLINE static NeonLanes exp2_of_magic(NeonLanes x) {
    return make([&](int i) __attribute__((always_inline)) {
      return vreinterpretq_f32_u32(vaddq_u32(vshlq_n_u32(x.bits(i), 23), vdupq_n_u32(0x3f800000)));
    });
  }
  [[nodiscard]] REPRISE_INLINE float fold() const {
    const float32x4_t four = vaddq_f32(vaddq_f32(v[0], v[2]), vaddq_f32(v[1], v[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
  REPRISE_INLINE static void fold_each(const NeonLanes* sums, int n, float* out) {
    for (int i = 0; i < n; ++i) {
      out[i] = sums[i].fold();
    }
  }
  [[nodiscard]] REPRISE_INLINE float highest() const {
    const float32x4_t four = larger(larger(v[0], v[2]), larger(v[1], v[3]));
    const float32x4_t two = larger(four, vextq_f32(four, four, 2));
    return vgetq_lane_f32(larger(two, vdupq_laneq_f32(two, 1)), 0);
  }
  template <int Rows>
  REPRISE_INLINE static void transpose_quarter(const float* rows, std::int64_t stride, NeonLanes (&out)[4]) {
    for (int q = 0; q < 4; ++q) {
      const auto row = [&](int r) __attribute__((always_inline)) {
        return 4 * q < Rows ? vld1q_f32(rows + (4 * q + r) * stride) : vdupq_n_f32(0.0F);
      };
      const float64x2_t even_low = vreinterpretq_f64_f32(vtrn1q_f32(row(0), row(1)));
      const float64x2_t odd_low = vreinterpretq_f64_f32(vtrn2q_f32(row(0), row(1)));
      const float64x2_t even_high = vreinterpretq_f64_f32(vtrn1q_f32(row(2), row(3)));
      const float64x2_t odd_high = vreinterpretq_f64_f32(vtrn2q_f32(row(2), row(3)));
      out[0].v[q] = vreinterpretq_f32_f64(vtrn1q_f64(even_low, even_high));
      out[1].v[q] = vreinterpretq_f32_f64(vtrn1q_f64(odd_low, odd_high));
      out[2].v[q] = vreinterpretq_f32_f64(vtrn2q_f64(even_low, even_high));
      out[3].v[q] = vreinterpretq_f32_f64(vtrn2q_f64(odd_low, odd_high));
    }
  }

 private:
  [[nodiscard]] REPRISE_INLINE uint32x4_t bits(int i) const { return vreinterpretq_u32_f32(v[i]); }
  REPRISE_INLINE static float32x4_t larger(float32x4_t a, float32x4_t b) {
    return vbslq_f32(vcgtq_f32(a, b), a, b);
  }
  /// The upper 16 bits of four lanes, rounded to nearest even, NaN made quiet.
  [[nodiscard]] REPRISE_INLINE uint16x4_t narrow(int i) const {
    const uint32x4_t upper = vshrq_n_u32(bits(i), 16);
    const uint32x4_t bias = vaddq_u32(vandq_u32(upper, vdupq_n_u32(1)), vdupq_n_u32(0x7fff));
    const uint32x4_t rounded = vshrq_n_u32(vaddq_u32(bits(i), bias), 16);
    const uint32x4_t quiet = vorrq_u32(upper, vdupq_n_u32(0x40));
    return vmovn_u32(vbslq_u32(vceqq_f32(v[i], v[i]), rounded, quiet));
  }
};

}  // namespace reprise::engine::kernels

#endif
