/// The rule of Quantize (operations.h) for one block, in plain scalar code. Used by kernels/reference,
/// kernels/hip and tests.
#pragma once

#include <cstdint>

#include "engine/core/block_formats.h"
#include "engine/core/inline.h"

namespace reprise::engine::kernels {

/// Blocks of activations (Quantize) below this magnitude are zeros: their reciprocals would overflow.
inline constexpr float kQuantizeLowest = 0x1p-100F;
/// 1.5 * 2^23: adding it rounds to a whole number, which then stands in the low bits of the sum.
inline constexpr float kRoundingMagic = 12582912.0F;

/// One block of activations; returns its scale.
REPRISE_INLINE float quantize_activations(std::int8_t* values, const float* x) {
  float largest = 0.0F;
  float difference = 0.0F;
  for (std::int64_t i = 0; i < kBlock; ++i) {
    const float magnitude = __builtin_fabsf(x[i]);
    largest = magnitude > largest ? magnitude : largest;
    difference += x[i] - x[i];  // NaN for what is not finite
  }
  const bool vanishes = !(largest >= kQuantizeLowest);
  const float inverse = vanishes || difference != 0.0F ? 0.0F : 127.0F / largest;
  for (std::int64_t i = 0; i < kBlock; ++i) {
    const float rounded = inverse == 0.0F ? kRoundingMagic : x[i] * inverse + kRoundingMagic;
    values[i] = static_cast<std::int8_t>(__builtin_bit_cast(std::uint32_t, rounded) & 0xffU);
  }
  return difference != 0.0F ? __builtin_nanf("") : vanishes ? 0.0F : largest / 127.0F;
}

}  // namespace reprise::engine::kernels
