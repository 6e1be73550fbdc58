/// 16 lanes of f32 in two AVX registers. Compiled only in target_avx2.cpp. See lanes_avx512.h for what each
/// operation means. 16 registers hold a 2 x 2 tile of accumulators (8), two activations (4) and a weight (2);
/// or 6 tokens x 16 outputs (12), a weight (2) and a broadcast.
#pragma once

#include <immintrin.h>

#include "engine/core/dtype.h"
#include "engine/core/tensor_view.h"
#include "engine/kernels/cpu/block_values.h"
#include "engine/kernels/dispatch.h"

namespace reprise::engine::kernels {

struct Avx2Lanes {
  static constexpr int kDecodeRows = 4;
  static constexpr int kTileRows = 2;
  static constexpr int kTileTokens = 2;
  static constexpr int kGroup = 6;
  static constexpr int kPanel = 1;
  static constexpr int kScores = 4;
  static constexpr int kQueries = 2;
  static constexpr int kWeighed = 3;
  static constexpr int kValues = 2;

  __m256 low;
  __m256 high;

  REPRISE_INLINE static Avx2Lanes broadcast(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  REPRISE_INLINE static Avx2Lanes load(const float* p) {
    return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
  }
  REPRISE_INLINE static Avx2Lanes load(const F16* p) { return {widen(p), widen(p + 8)}; }
  REPRISE_INLINE static Avx2Lanes load(const Bf16* p) { return {widen(p), widen(p + 8)}; }
  template <class Block>
  REPRISE_INLINE static Avx2Lanes load(BlockCursor<Block> p) {
    const __m128i bytes = sixteen_values(p.block(), p.place());
    const __m256 scale = _mm256_cvtph_ps(_mm_set1_epi16(static_cast<short>(p.block().scale)));
    const __m256 first = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
    const __m256 second = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes)));
    return {_mm256_mul_ps(scale, first), _mm256_mul_ps(scale, second)};
  }
  REPRISE_INLINE void store_low_bytes(std::int8_t* p) const {
    const __m256i mask = _mm256_set1_epi32(0xff);
    const __m256i words = _mm256_packus_epi32(_mm256_and_si256(_mm256_castps_si256(low), mask),
                                              _mm256_and_si256(_mm256_castps_si256(high), mask));
    const __m256i ordered = _mm256_permute4x64_epi64(words, 0xd8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm_packus_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1)));
  }
  REPRISE_INLINE void store(float* p) const {
    _mm256_storeu_ps(p, low);
    _mm256_storeu_ps(p + 8, high);
  }
  REPRISE_INLINE void store(F16* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(low, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 8), _mm256_cvtps_ph(high, _MM_FROUND_TO_NEAREST_INT));
  }
  REPRISE_INLINE void store(Bf16* p) const {
    // PACKUSDW works in halves of 128 bits; the permutation puts them back in order.
    const __m256i packed = _mm256_packus_epi32(narrow(low), narrow(high));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xd8));
  }
  REPRISE_INLINE static Avx2Lanes fma(Avx2Lanes a, Avx2Lanes b, Avx2Lanes c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  REPRISE_INLINE friend Avx2Lanes operator+(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  REPRISE_INLINE friend Avx2Lanes operator-(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
  }
  REPRISE_INLINE friend Avx2Lanes operator*(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  REPRISE_INLINE friend Avx2Lanes operator/(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
  }
  REPRISE_INLINE static Avx2Lanes max(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
  }
  REPRISE_INLINE static Avx2Lanes min(Avx2Lanes a, Avx2Lanes b) {
    return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
  }
  REPRISE_INLINE static Avx2Lanes zero_where_less(Avx2Lanes y, Avx2Lanes x, Avx2Lanes bound) {
    return {_mm256_and_ps(y.low, _mm256_cmp_ps(x.low, bound.low, _CMP_NLT_UQ)),
            _mm256_and_ps(y.high, _mm256_cmp_ps(x.high, bound.high, _CMP_NLT_UQ))};
  }
  REPRISE_INLINE static Avx2Lanes exp2_of_magic(Avx2Lanes x) { return {exp2_half(x.low), exp2_half(x.high)}; }
  [[nodiscard]] REPRISE_INLINE float fold() const {
    const __m256 eight = _mm256_add_ps(low, high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  REPRISE_INLINE static void fold_each(const Avx2Lanes* sums, int n, float* out) {
    for (int i = 0; i < n; ++i) {
      out[i] = sums[i].fold();
    }
  }
  [[nodiscard]] REPRISE_INLINE float highest() const {
    const __m256 eight = _mm256_max_ps(low, high);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  template <int Rows>
  REPRISE_INLINE static void transpose_quarter(const float* rows, std::int64_t stride, Avx2Lanes (&out)[4]) {
    __m256 low[4];
    __m256 high[4];
    four_by_eight<Rows>(rows, stride, low);
    four_by_eight<Rows - 8>(rows + 8 * stride, stride, high);
    for (int i = 0; i < 4; ++i) {
      out[i] = {low[i], high[i]};
    }
  }

 private:
  /// Lane r of out[i]: element i of row r, for up to eight rows.
  template <int Rows>
  REPRISE_INLINE static void four_by_eight(const float* rows, std::int64_t stride, __m256 (&out)[4]) {
    if constexpr (Rows <= 0) {
      for (__m256& lanes : out) {
        lanes = _mm256_setzero_ps();
      }
    } else {
      __m256 in[4];  // half m: four elements of row 4 m + i
      for (int i = 0; i < 4; ++i) {
        in[i] = _mm256_castps128_ps256(_mm_loadu_ps(rows + i * stride));
        in[i] = _mm256_insertf128_ps(in[i],
                                     Rows > 4 ? _mm_loadu_ps(rows + (4 + i) * stride) : _mm_setzero_ps(), 1);
      }
      const __m256 low_a = _mm256_unpacklo_ps(in[0], in[1]);
      const __m256 high_a = _mm256_unpackhi_ps(in[0], in[1]);
      const __m256 low_b = _mm256_unpacklo_ps(in[2], in[3]);
      const __m256 high_b = _mm256_unpackhi_ps(in[2], in[3]);
      out[0] = _mm256_shuffle_ps(low_a, low_b, 0x44);
      out[1] = _mm256_shuffle_ps(low_a, low_b, 0xee);
      out[2] = _mm256_shuffle_ps(high_a, high_b, 0x44);
      out[3] = _mm256_shuffle_ps(high_a, high_b, 0xee);
    }
  }
  REPRISE_INLINE static __m256 widen(const F16* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  REPRISE_INLINE static __m256 widen(const Bf16* p) {
    const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
  }
  /// The upper 16 bits of each lane, rounded to nearest even, NaN made quiet.
  REPRISE_INLINE static __m256i narrow(__m256 x) {
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i upper = _mm256_srli_epi32(bits, 16);
    const __m256i odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
    const __m256i bias = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, bias), 16);
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    return _mm256_blendv_epi8(rounded, _mm256_or_si256(upper, _mm256_set1_epi32(0x40)), nan);
  }
  REPRISE_INLINE static __m256 exp2_half(__m256 x) {
    const __m256i shifted = _mm256_slli_epi32(_mm256_castps_si256(x), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(shifted, _mm256_set1_epi32(0x3f800000)));
  }
};

}  // namespace reprise::engine::kernels
