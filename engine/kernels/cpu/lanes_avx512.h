/// 16 lanes of f32 in one AVX-512 register. Compiled only in target_avx512*.cpp and target_amx.cpp.
///
/// What a lane type offers (the kernels are written over it, once):
/// - load, store: 16 consecutive f32, f16 or bf16; narrow loads widen exactly, stores round to nearest even.
///   Loads of a block cursor (dispatch.h) widen exactly; its index is a multiple of 16.
/// - fma, + - * /: one IEEE operation per lane.
/// - max, min: as MAXPS: the second operand when equal or unordered.
/// - zero_where_less: y, but +0 in lanes where x < bound.
/// - exp2_of_magic: see kernels/exp.h.
/// - fold: the fixed tree 16 > 8 > 4 > 2 > 1 of the numerics contract; highest: the largest lane.
/// - store_low_bytes: the lowest byte of each lane's bits.
/// - fold_each: out[i] = sums[i].fold().
/// - transpose_quarter: lane r of out[i] is element i of row r, for Rows rows (a multiple of 4) in memory;
/// other lanes
///   are +0. Lanes are moved, never computed with, so they may hold any bits.
/// - kDecodeRows, kTileRows x kTileTokens: accumulators that fit this register file (32 here: 4 x 4 leaves
/// room
///   for four activations and a weight); 8 rows in flight hide the 4-cycle latency of two FMA units when
///   decoding.
/// - kGroup x kPanel: tokens times vectors of 16 outputs in a tile over packed panels (24 accumulators, two
/// weights
///   and a broadcast: 12 broadcasts for 24 multiply-adds is what two load ports sustain).
/// - kScores: accumulators of a tile of scores; kQueries: most queries in it; kWeighed x kValues: queries
/// times
///   vectors of values in a tile of weighted sums.
#pragma once

#include <immintrin.h>

#include "engine/core/dtype.h"
#include "engine/core/tensor_view.h"
#include "engine/kernels/cpu/block_values.h"
#include "engine/kernels/dispatch.h"

namespace reprise::engine::kernels {

struct Avx512Lanes {
  static constexpr int kDecodeRows = 8;
  static constexpr int kTileRows = 4;
  static constexpr int kTileTokens = 4;
  static constexpr int kGroup = 12;
  static constexpr int kPanel = 2;
  static constexpr int kScores = 16;
  static constexpr int kQueries = 4;
  static constexpr int kWeighed = 6;
  static constexpr int kValues = 4;

  __m512 v;

  REPRISE_INLINE static Avx512Lanes broadcast(float x) { return {_mm512_set1_ps(x)}; }
  REPRISE_INLINE static Avx512Lanes load(const float* p) { return {_mm512_loadu_ps(p)}; }
  REPRISE_INLINE static Avx512Lanes load(const F16* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  REPRISE_INLINE static Avx512Lanes load(const Bf16* p) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
  }
  template <class Block>
  REPRISE_INLINE static Avx512Lanes load(BlockCursor<Block> p) {
    const __m512i wide = _mm512_cvtepi8_epi32(sixteen_values(p.block(), p.place()));
    const __m512 scale = _mm512_cvtph_ps(_mm256_set1_epi16(static_cast<short>(p.block().scale)));
    return {_mm512_mul_ps(scale, _mm512_cvtepi32_ps(wide))};
  }
  REPRISE_INLINE void store_low_bytes(std::int8_t* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_castps_si512(v)));
  }
  REPRISE_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
  REPRISE_INLINE void store(F16* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  REPRISE_INLINE void store(Bf16* p) const {
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i upper = _mm512_srli_epi32(bits, 16);
    const __m512i odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
    const __m512i bias = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
    const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, bias), 16);
    const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    const __m512i quiet = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtepi32_epi16(_mm512_mask_blend_epi32(nan, rounded, quiet)));
  }
  REPRISE_INLINE static Avx512Lanes fma(Avx512Lanes a, Avx512Lanes b, Avx512Lanes c) {
    return {_mm512_fmadd_ps(a.v, b.v, c.v)};
  }
  REPRISE_INLINE friend Avx512Lanes operator+(Avx512Lanes a, Avx512Lanes b) {
    return {_mm512_add_ps(a.v, b.v)};
  }
  REPRISE_INLINE friend Avx512Lanes operator-(Avx512Lanes a, Avx512Lanes b) {
    return {_mm512_sub_ps(a.v, b.v)};
  }
  REPRISE_INLINE friend Avx512Lanes operator*(Avx512Lanes a, Avx512Lanes b) {
    return {_mm512_mul_ps(a.v, b.v)};
  }
  REPRISE_INLINE friend Avx512Lanes operator/(Avx512Lanes a, Avx512Lanes b) {
    return {_mm512_div_ps(a.v, b.v)};
  }
  REPRISE_INLINE static Avx512Lanes max(Avx512Lanes a, Avx512Lanes b) { return {_mm512_max_ps(a.v, b.v)}; }
  REPRISE_INLINE static Avx512Lanes min(Avx512Lanes a, Avx512Lanes b) { return {_mm512_min_ps(a.v, b.v)}; }
  REPRISE_INLINE static Avx512Lanes zero_where_less(Avx512Lanes y, Avx512Lanes x, Avx512Lanes bound) {
    return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, bound.v, _CMP_NLT_UQ), y.v)};
  }
  REPRISE_INLINE static Avx512Lanes exp2_of_magic(Avx512Lanes x) {
    const __m512i shifted = _mm512_slli_epi32(_mm512_castps_si512(x.v), 23);
    return {_mm512_castsi512_ps(_mm512_add_epi32(shifted, _mm512_set1_epi32(0x3f800000)))};
  }
  [[nodiscard]] REPRISE_INLINE float fold() const {
    const __m256 low = _mm512_castps512_ps256(v);
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1));
    const __m256 eight = _mm256_add_ps(low, high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  REPRISE_INLINE static void fold_each(const Avx512Lanes* sums, int n, float* out) {
    if (n == 16) {
      _mm512_storeu_ps(out, fold_sixteen(sums));
      return;
    }
    for (int i = 0; i < n; ++i) {
      out[i] = sums[i].fold();
    }
  }
  [[nodiscard]] REPRISE_INLINE float highest() const { return _mm512_reduce_max_ps(v); }
  template <int Rows>
  REPRISE_INLINE static void transpose_quarter(const float* rows, std::int64_t stride,
                                               Avx512Lanes (&out)[4]) {
    // Quarter m of in[i]: four elements of row 4 m + i. Inserting while loading leaves two of four shuffles.
    __m512 in[4];
    for (int i = 0; i < 4; ++i) {
      in[i] = _mm512_castps128_ps512(_mm_loadu_ps(rows + i * stride));
      in[i] =
          _mm512_insertf32x4(in[i], Rows > 4 ? _mm_loadu_ps(rows + (4 + i) * stride) : _mm_setzero_ps(), 1);
      in[i] =
          _mm512_insertf32x4(in[i], Rows > 8 ? _mm_loadu_ps(rows + (8 + i) * stride) : _mm_setzero_ps(), 2);
      in[i] =
          _mm512_insertf32x4(in[i], Rows > 12 ? _mm_loadu_ps(rows + (12 + i) * stride) : _mm_setzero_ps(), 3);
    }
    const __m512 low_a = _mm512_unpacklo_ps(in[0], in[1]);
    const __m512 high_a = _mm512_unpackhi_ps(in[0], in[1]);
    const __m512 low_b = _mm512_unpacklo_ps(in[2], in[3]);
    const __m512 high_b = _mm512_unpackhi_ps(in[2], in[3]);
    out[0].v = unpack_low_pairs(low_a, low_b);
    out[1].v = unpack_high_pairs(low_a, low_b);
    out[2].v = unpack_low_pairs(high_a, high_b);
    out[3].v = unpack_high_pairs(high_a, high_b);
  }

 private:
  /// The folds of 16 registers together: at each level of the tree two registers fill one.
  REPRISE_INLINE static __m512 fold_sixteen(const Avx512Lanes* sums) {
    __m512 eights[8];
    for (int i = 0; i < 8; ++i) {
      // The last two levels interleave registers four apart, so this is the order that comes out straight.
      const __m512 a = sums[2 * i % 4 * 4 + i / 2].v;
      const __m512 b = sums[(2 * i + 1) % 4 * 4 + i / 2].v;
      eights[i] = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    }
    __m512 fours[4];
    for (int i = 0; i < 4; ++i) {
      const __m512 a = eights[2 * i];
      const __m512 b = eights[2 * i + 1];
      fours[i] = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    }
    __m512 twos[2];
    for (int i = 0; i < 2; ++i) {
      const __m512 a = fours[2 * i];
      const __m512 b = fours[2 * i + 1];
      twos[i] = _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
    }
    return _mm512_add_ps(_mm512_shuffle_ps(twos[0], twos[1], 0x88),
                         _mm512_shuffle_ps(twos[0], twos[1], 0xdd));
  }
  REPRISE_INLINE static __m512 unpack_low_pairs(__m512 a, __m512 b) {
    return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
  }
  REPRISE_INLINE static __m512 unpack_high_pairs(__m512 a, __m512 b) {
    return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
  }
};

}  // namespace reprise::engine::kernels
