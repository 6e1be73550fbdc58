/// The integers of a block in an SSE register: what the x86 lane types share. Included by target_*.cpp
/// through them.
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

}  // namespace reprise::engine::kernels

#endif
