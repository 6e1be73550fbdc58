/// The integers and scales of blocks in SSE registers: what the x86 lane types share. Included by
/// target_*.cpp through them.
#pragma once

#if defined(__x86_64__)

#include <immintrin.h>

#include "engine/core/block_formats.h"
#include "engine/core/tensor_view.h"

namespace reprise::engine::kernels {

/// Elements `place` to `place + 15`, place 0 or 16.
REPRISE_INLINE __m128i sixteen_values(const Int8Block& block, int place) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(block.values + place));
}
REPRISE_INLINE __m128i sixteen_values(const Int4Block& block, int place) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block.nibbles));
  const __m128i nibbles = _mm_and_si128(place == 0 ? bytes : _mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
  return _mm_sub_epi8(nibbles, _mm_set1_epi8(8));
}

/// The scales (f16) of rows `row` to `row + 7` at a column of blocks (block_rows.h). Eight inserts cost less
/// than a gather of 32 bits each, and one chain of them less than what compilers make of _mm_setr_epi16.
template <class Column>
REPRISE_INLINE __m128i eight_scales(const Column& column, int row) {
  const auto bits = [&](int i) __attribute__((always_inline)) {
    return static_cast<int>(column.at(row + i).scale);
  };
  __m128i scales = _mm_insert_epi16(_mm_setzero_si128(), bits(0), 0);
  scales = _mm_insert_epi16(scales, bits(1), 1);
  scales = _mm_insert_epi16(scales, bits(2), 2);
  scales = _mm_insert_epi16(scales, bits(3), 3);
  scales = _mm_insert_epi16(scales, bits(4), 4);
  scales = _mm_insert_epi16(scales, bits(5), 5);
  scales = _mm_insert_epi16(scales, bits(6), 6);
  return _mm_insert_epi16(scales, bits(7), 7);
}

}  // namespace reprise::engine::kernels

#endif
