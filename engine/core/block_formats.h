/// Weights in blocks that share a scale, byte for byte as GGUF files store them.
///
/// `int8` is ggml's Q8_0 and `int4` its Q4_0: 32 elements and one f16 scale. The engine computes with these
/// two (kernels/operations.h) and quantises to them; the other formats are only read. Dequantising int8 and
/// int4 is exact: a product of an f16 and a small integer fits an f32.
///
/// Source: ggml's block structures and reference quantisers, https://github.com/ggml-org/ggml (ggml-common.h,
/// ggml-quants.c), whose bytes these functions reproduce.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/core/dtype.h"

namespace reprise::engine {

/// Elements of an int8 or int4 block.
inline constexpr std::int64_t kBlock = 32;

/// x[i] = scale * values[i]
struct Int8Block {
  F16 scale;
  std::int8_t values[kBlock];
};
static_assert(sizeof(Int8Block) == 34);

/// x[i] = scale * (nibble i - 8): element i in the lower half of byte i, element i + 16 in the upper one.
struct Int4Block {
  F16 scale;
  std::uint8_t nibbles[kBlock / 2];
};
static_assert(sizeof(Int4Block) == 18);

template <>
inline constexpr DType kDTypeOf<Int8Block> = DType::int8;
template <>
inline constexpr DType kDTypeOf<Int4Block> = DType::int4;

/// One block, by ggml's rule: scale = largest magnitude / 127, values rounded to nearest, ties away from
/// zero. False, and nothing useful in `out`, where an element is not finite or the scale is too large for
/// f16.
bool quantize_block(const float* x, Int8Block& out);
/// scale = the element of largest magnitude (the first of equals) / -8; values rounded to nearest, ties up,
/// at most 15. Fails as above.
bool quantize_block(const float* x, Int4Block& out);

/// Elements to `dtype`: f32, f16 or bf16 (rounded to nearest, ties to even; what is not finite stays so),
/// int8 or int4 (counts are multiples of kBlock). Writes bytes_of(dtype, x.size()) bytes; `out` need not be
/// aligned. Returns the number of elements written: fewer than x.size() when the next one is finite and
/// overflows, or the block after them holds an element that is not finite, or one too large for an f16 scale.
std::size_t quantize(DType dtype, std::span<const float> x, std::byte* out);

/// Any float or block format to f32; `out.size()` is a multiple of block_extent. `data` need not be aligned.
void dequantize(DType dtype, const std::byte* data, std::span<float> out);

}  // namespace reprise::engine
