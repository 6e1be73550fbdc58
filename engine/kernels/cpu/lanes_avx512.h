/// 16 lanes of f32 in one AVX-512 register. Compiled only in target_avx512.cpp.
///
/// What a lane type offers (the kernels are written over it, once):
///   load, store      16 consecutive f32, f16 or bf16; narrow loads widen exactly, stores round to nearest
///   even fma, + - * /     one IEEE operation per lane max, min         as MAXPS: the second operand when
///   equal or unordered zero_where_less  y, but +0 in lanes where x < bound exp2_of_magic    see
///   kernels/exp.h fold             the fixed tree 16 > 8 > 4 > 2 > 1 of the numerics contract highest the
///   largest lane
/// kDecodeRows, kTileRows x kTileTokens: accumulators that fit this register file (32 here: 4 x 4 leaves room
/// for four activations and a weight); 8 rows in flight hide the 4-cycle latency of two FMA units when
/// decoding.
#pragma once

#include <immintrin.h>

#include "engine/core/dtype.h"
#include "engine/core/tensor_view.h"

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
};

}  // namespace reprise::engine::kernels
