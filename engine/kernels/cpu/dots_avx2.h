/// Integer products of blocks in AVX registers, by VPMADDWD over 16-bit values: AVX2 has no byte product that
/// cannot saturate. Compiled only in target_avx2.cpp. See dots_avx512.h for what each operation means.
#pragma once

#include "engine/kernels/cpu/block_rows.h"
#include "engine/kernels/cpu/lanes_avx2.h"

namespace reprise::engine::kernels {

struct Avx2Dots {
  using Weight = std::int16_t;
  using Activation = std::int16_t;
  static constexpr int kDepth = 2;
  static constexpr int kGroup = 3;  // 6 integer and 6 float accumulators, a weight (2) and a broadcast
  static constexpr int kPanel = 1;
  struct Ints {
    __m256i low;
    __m256i high;
  };

  template <class Block>
  static constexpr int kBias = 0;

  template <class Column>
  REPRISE_INLINE static Avx2Lanes block_scales(const Column& column) {
    return {_mm256_cvtph_ps(eight_scales(column, 0)), _mm256_cvtph_ps(eight_scales(column, 8))};
  }
  template <class Column>
  REPRISE_INLINE static Avx2Lanes block_dots(const Column& column, const Activation* x,
                                             std::int32_t /*offset*/) {
    const __m256i x_low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
    const __m256i x_high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + 16));
    return {_mm256_cvtepi32_ps(eight_dots(column, 0, x_low, x_high)),
            _mm256_cvtepi32_ps(eight_dots(column, 8, x_low, x_high))};
  }
  template <class Block>
  REPRISE_INLINE static void unpack(const Block& block, Weight* to) {
    for (int place = 0; place < kBlock; place += 16) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + place),
                          _mm256_cvtepi8_epi16(sixteen_values(block, place)));
    }
  }
  REPRISE_INLINE static Ints ints(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  REPRISE_INLINE static Ints load(const std::byte* weights) {
    const auto* p = reinterpret_cast<const __m256i*>(weights);
    return {_mm256_loadu_si256(p), _mm256_loadu_si256(p + 1)};
  }
  REPRISE_INLINE static Ints dot(Ints sum, Ints weights, const Activation* x) {
    std::int32_t pair;
    __builtin_memcpy(&pair, x, sizeof(pair));
    const __m256i activations = _mm256_set1_epi32(pair);
    return {_mm256_add_epi32(sum.low, _mm256_madd_epi16(weights.low, activations)),
            _mm256_add_epi32(sum.high, _mm256_madd_epi16(weights.high, activations))};
  }
  REPRISE_INLINE static Avx2Lanes to_float(Ints x) {
    return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)};
  }

 private:
  /// Rows `row` to `row + 7`: the products of each in eight parts, then a tree of sums that transposes.
  template <class Column>
  REPRISE_INLINE static __m256i eight_dots(const Column& column, int row, __m256i x_low, __m256i x_high) {
    __m256i fours[2];
    for (int q = 0; q < 2; ++q) {
      __m256i products[4];
      for (int r = 0; r < 4; ++r) {
        const auto& block = column.at(row + 4 * q + r);
        const __m256i first = _mm256_cvtepi8_epi16(sixteen_values(block, 0));
        const __m256i second = _mm256_cvtepi8_epi16(sixteen_values(block, 16));
        products[r] = _mm256_add_epi32(_mm256_madd_epi16(first, x_low), _mm256_madd_epi16(second, x_high));
      }
      fours[q] = _mm256_hadd_epi32(_mm256_hadd_epi32(products[0], products[1]),
                                   _mm256_hadd_epi32(products[2], products[3]));
    }
    return _mm256_add_epi32(_mm256_permute2x128_si256(fours[0], fours[1], 0x20),
                            _mm256_permute2x128_si256(fours[0], fours[1], 0x31));
  }
};

}  // namespace reprise::engine::kernels
