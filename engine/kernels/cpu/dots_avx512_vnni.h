/// Integer products of blocks by VPDPBUSD, which multiplies unsigned bytes with signed ones: weights are made
/// unsigned by adding kBias, and what that adds, kBias times the sum of the activations, is what sums start
/// at (`offset`). Compiled only in target_avx512_vnni.cpp. See dots_avx512.h for what each operation means.
#pragma once

#include "engine/kernels/cpu/dots_avx512.h"

namespace reprise::engine::kernels {

struct VnniDots {
  using Weight = std::uint8_t;
  using Activation = std::int8_t;
  static constexpr int kDepth = 4;
  static constexpr int kGroup = 6;  // 12 integer and 12 float accumulators, two weights
  static constexpr int kPanel = 2;
  using Ints = __m512i;

  template <class Block>
  static constexpr int kBias = sizeof(Block) == sizeof(Int8Block) ? 128 : 8;

  template <class Column>
  REPRISE_INLINE static Avx512Lanes block_scales(const Column& column) {
    return sixteen_scales(column);
  }
  /// Quarter q of products[i] has four parts of the sum of row 4 q + i.
  template <class Column>
  REPRISE_INLINE static Avx512Lanes block_dots(const Column& column, const Activation* x,
                                               std::int32_t offset) {
    const __m512i low = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
    const __m512i high = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + 16)));
    __m512i products[4];
    for (int i = 0; i < 4; ++i) {
      const auto halves = four_rows(column.at(i), column.at(4 + i), column.at(8 + i), column.at(12 + i));
      products[i] = add_products(_mm512_setzero_si512(), halves.low, low);
      products[i] = add_products(products[i], halves.high, high);
    }
    const __m512i dots = add_across(products[0], products[1], products[2], products[3]);
    return {_mm512_cvtepi32_ps(_mm512_add_epi32(dots, _mm512_set1_epi32(offset)))};
  }
  REPRISE_INLINE static void unpack(const Int8Block& block, Weight* to) {
    const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block.values));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_xor_si256(values, _mm256_set1_epi8(-128)));
  }
  REPRISE_INLINE static void unpack(const Int4Block& block, Weight* to) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block.nibbles));
    const __m256i halves = _mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_and_si256(halves, _mm256_set1_epi8(15)));
  }
  REPRISE_INLINE static Ints ints(std::int32_t x) { return _mm512_set1_epi32(x); }
  REPRISE_INLINE static Ints load(const std::byte* weights) { return _mm512_loadu_si512(weights); }
  REPRISE_INLINE static Ints dot(Ints sum, Ints weights, const Activation* x) {
    std::int32_t four;
    __builtin_memcpy(&four, x, sizeof(four));
    return add_products(sum, weights, _mm512_set1_epi32(four));
  }
  REPRISE_INLINE static Avx512Lanes to_float(Ints x) { return {_mm512_cvtepi32_ps(x)}; }

 private:
  /// VPDPBUSD. GCC 12 copies the sums around its intrinsic in a loop, which costs half the speed of a tile.
  REPRISE_INLINE static __m512i add_products(__m512i sum, __m512i weights, __m512i x) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(weights), "v"(x));
    return sum;
  }
  /// Unsigned weights of four rows, a quarter each: elements 0 to 15, and 16 to 31.
  struct Halves {
    __m512i low;
    __m512i high;
  };
  REPRISE_INLINE static Halves four_rows(const Int8Block& a, const Int8Block& b, const Int8Block& c,
                                         const Int8Block& d) {
    const __m512i sign = _mm512_set1_epi8(-128);
    return {_mm512_xor_si512(quarters(a.values, b.values, c.values, d.values), sign),
            _mm512_xor_si512(quarters(a.values + 16, b.values + 16, c.values + 16, d.values + 16), sign)};
  }
  REPRISE_INLINE static Halves four_rows(const Int4Block& a, const Int4Block& b, const Int4Block& c,
                                         const Int4Block& d) {
    const __m512i mask = _mm512_set1_epi8(15);
    const __m512i bytes = quarters(a.nibbles, b.nibbles, c.nibbles, d.nibbles);
    return {_mm512_and_si512(bytes, mask), _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask)};
  }
  REPRISE_INLINE static __m512i quarters(const void* a, const void* b, const void* c, const void* d) {
    const auto load = [](const void* p) __attribute__((always_inline)) {
      return _mm_loadu_si128(static_cast<const __m128i*>(p));
    };
    __m512i r = _mm512_castsi128_si512(load(a));
    r = _mm512_inserti32x4(r, load(b), 1);
    r = _mm512_inserti32x4(r, load(c), 2);
    return _mm512_inserti32x4(r, load(d), 3);
  }
};

}  // namespace reprise::engine::kernels
