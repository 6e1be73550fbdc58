/// 16 lanes of f32 in one AVX-512 register. Compiled only in target_avx512.cpp.
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
/// - block_scales, block_dots: lane r has the scale of block b of row r (block_rows.h), and the exact integer
///   product of that block with 32 activations.
/// - kDecodeRows, kTileRows x kTileTokens: accumulators that fit this register file (32 here: 4 x 4 leaves
/// room
///   for four activations and a weight); 8 rows in flight hide the 4-cycle latency of two FMA units when
///   decoding.
#pragma once

#include <immintrin.h>

#include "engine/core/dtype.h"
#include "engine/core/tensor_view.h"
#include "engine/kernels/cpu/block_rows.h"
#include "engine/kernels/cpu/block_values.h"

namespace reprise::engine::kernels {

struct Avx512Lanes {
  static constexpr int kDecodeRows = 8;
  static constexpr int kTileRows = 4;
  static constexpr int kTileTokens = 4;

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
  template <class Block>
  REPRISE_INLINE static Avx512Lanes block_scales(const BlockRows<Block>& rows, std::int64_t b) {
    // Gathers 32 bits: the scale, and above it the first values, which the narrowing drops.
    const __m512i words = _mm512_i32gather_epi32(_mm512_load_si512(rows.offsets), rows.first + b, 1);
    return {_mm512_cvtph_ps(_mm512_cvtepi32_epi16(words))};
  }
  template <class Block>
  REPRISE_INLINE static Avx512Lanes block_dots(const BlockRows<Block>& rows, std::int64_t b,
                                               const std::int8_t* x) {
    const __m512i activations = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
    __m512i fours[4];  // lane 4 i + r: part i of the sum of row r of four
    for (int q = 0; q < 4; ++q) {
      __m512i products[4];
      for (int r = 0; r < 4; ++r) {
        products[r] = _mm512_madd_epi16(_mm512_cvtepi8_epi16(values(rows.at(4 * q + r, b))), activations);
      }
      const __m512i low = add_unpacked(products[0], products[1]);
      const __m512i high = add_unpacked(products[2], products[3]);
      fours[q] = _mm512_add_epi32(_mm512_unpacklo_epi64(low, high), _mm512_unpackhi_epi64(low, high));
    }
    const __m512i first = add_quarters(fours[0], fours[1]);
    const __m512i second = add_quarters(fours[2], fours[3]);
    return {_mm512_cvtepi32_ps(add_quarters(first, second))};
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
  [[nodiscard]] REPRISE_INLINE float highest() const { return _mm512_reduce_max_ps(v); }

 private:
  REPRISE_INLINE static __m256i values(const Int8Block& block) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block.values));
  }
  REPRISE_INLINE static __m256i values(const Int4Block& block) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block.nibbles));
    const __m256i nibbles =
        _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes), _mm256_set1_epi8(15));
    return _mm256_sub_epi8(nibbles, _mm256_set1_epi8(8));
  }
  /// Of each 128 bits: a0 + a2, b0 + b2, a1 + a3, b1 + b3.
  REPRISE_INLINE static __m512i add_unpacked(__m512i a, __m512i b) {
    return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  }
  /// In quarters of 128 bits: a0 + a1, a2 + a3, b0 + b1, b2 + b3.
  REPRISE_INLINE static __m512i add_quarters(__m512i a, __m512i b) {
    return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
  }
};

}  // namespace reprise::engine::kernels
