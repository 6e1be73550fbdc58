/// The rule by which int8 blocks are made (block_formats.h), on one block. Keys and values pass here when
/// they are stored in a cache, on processors and on GPUs, so both loops are written for vector units.
#pragma once

#include <cstdint>

#include "engine/core/block_formats.h"
#include "engine/core/inline.h"

namespace reprise::engine {

/// Whether x is neither infinite nor a NaN.
REPRISE_INLINE bool is_finite(float x) {
  return x - x == 0.0F;
}

/// The reciprocal, or 0 where there is none to speak of: such a block's scale is 0 in f16 too.
REPRISE_INLINE float reciprocal_or_zero(float scale) {
  const float inverse = 1.0F / scale;
  return is_finite(inverse) ? inverse : 0.0F;
}

/// The largest magnitude over 127; not finite where an element is not.
REPRISE_INLINE float int8_scale(const float* x) {
  std::uint32_t largest =
      0;  // magnitudes are ordered as their bits, and above all of them what is not finite
  for (int i = 0; i < kBlock; ++i) {
    const std::uint32_t magnitude = __builtin_bit_cast(std::uint32_t, x[i]) & 0x7fffffffU;
    largest = magnitude > largest ? magnitude : largest;
  }
  return __builtin_bit_cast(float, largest) / 127.0F;
}

/// x / scale to nearest, ties away from zero, as std::round: the rest of a truncation is exact. `scale` is
/// int8_scale(x) and finite.
REPRISE_INLINE void int8_levels(const float* x, float scale, std::int8_t* values) {
  const float inverse = reciprocal_or_zero(scale);
  for (int i = 0; i < kBlock; ++i) {
    const float level = x[i] * inverse;
    const auto whole = static_cast<std::int32_t>(level);
    const float rest = level - static_cast<float>(whole);
    values[i] = static_cast<std::int8_t>(whole + (rest >= 0.5F ? 1 : 0) - (rest <= -0.5F ? 1 : 0));
  }
}

}  // namespace reprise::engine
