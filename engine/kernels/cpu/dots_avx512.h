/// Integer products of blocks in AVX-512 registers, by VPMADDWD over 16-bit values. Compiled only in
/// target_avx512*.cpp and target_amx.cpp; processors with VNNI use dots_avx512_vnni.h.
///
/// What such a type offers beside a lane type (linear_blocks.h is written over both, once):
/// - block_scales, block_dots: lane r has the scale of the block that row r has in a column
///   (block_rows.h), and the exact integer product of that block with 32 activations; `offset` is -kBias
///   times their sum.
/// - Weight, Activation, kDepth: in a packed panel, a lane holds kDepth consecutive weights of its row in
///   32 bits. unpack writes the 32 values of a block as Weights, kBias<Block> added.
/// - ints, load, dot, to_float: 16 sums of 32 bits; dot adds to each lane the product of its kDepth
///   weights with the same kDepth activations.
/// - kGroup x kPanel: tokens times vectors of 16 outputs in a tile.
#pragma once

#include "engine/kernels/cpu/block_rows.h"
#include "engine/kernels/cpu/lanes_avx512.h"

namespace reprise::engine::kernels {

/// The scales of 16 rows.
template <class Column>
REPRISE_INLINE Avx512Lanes sixteen_scales(const Column& column) {
  return {_mm512_cvtph_ps(_mm256_set_m128i(eight_scales(column, 8), eight_scales(column, 0)))};
}

/// Sums of four: quarter q of the result holds, in order, the sums of quarter q of each operand.
REPRISE_INLINE __m512i add_across(__m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i low = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  const __m512i high = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(low, high), _mm512_unpackhi_epi64(low, high));
}

struct Avx512Dots {
  using Weight = std::int16_t;
  using Activation = std::int16_t;
  static constexpr int kDepth = 2;
  static constexpr int kGroup = 6;
  static constexpr int kPanel = 2;
  using Ints = __m512i;

  template <class Block>
  static constexpr int kBias = 0;

  template <class Column>
  REPRISE_INLINE static Avx512Lanes block_scales(const Column& column) {
    return sixteen_scales(column);
  }
  template <class Column>
  REPRISE_INLINE static Avx512Lanes block_dots(const Column& column, const Activation* x,
                                               std::int32_t /*offset*/) {
    const __m512i activations = _mm512_loadu_si512(x);
    __m512i fours[4];  // quarter i, lane r of fours[q]: part i of the sum of row 4 q + r
    for (int q = 0; q < 4; ++q) {
      __m512i products[4];
      for (int r = 0; r < 4; ++r) {
        products[r] = _mm512_madd_epi16(_mm512_cvtepi8_epi16(values(column.at(4 * q + r))), activations);
      }
      fours[q] = add_across(products[0], products[1], products[2], products[3]);
    }
    const __m512i first = add_quarters(fours[0], fours[1]);
    const __m512i second = add_quarters(fours[2], fours[3]);
    return {_mm512_cvtepi32_ps(add_quarters(first, second))};
  }
  template <class Block>
  REPRISE_INLINE static void unpack(const Block& block, Weight* to) {
    _mm512_storeu_si512(to, _mm512_cvtepi8_epi16(values(block)));
  }
  REPRISE_INLINE static Ints ints(std::int32_t x) { return _mm512_set1_epi32(x); }
  REPRISE_INLINE static Ints load(const std::byte* weights) { return _mm512_loadu_si512(weights); }
  REPRISE_INLINE static Ints dot(Ints sum, Ints weights, const Activation* x) {
    std::int32_t pair;
    __builtin_memcpy(&pair, x, sizeof(pair));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(weights, _mm512_set1_epi32(pair)));
  }
  REPRISE_INLINE static Avx512Lanes to_float(Ints x) { return {_mm512_cvtepi32_ps(x)}; }

 private:
  template <class Block>
  REPRISE_INLINE static __m256i values(const Block& block) {
    return _mm256_set_m128i(sixteen_values(block, 16), sixteen_values(block, 0));
  }
  /// In quarters of 128 bits: a0 + a1, a2 + a3, b0 + b1, b2 + b3.
  REPRISE_INLINE static __m512i add_quarters(__m512i a, __m512i b) {
    return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
  }
};

}  // namespace reprise::engine::kernels
