/// Element types of stored tensors, and the exact conversions of single elements.
///
/// f16 is IEEE 754 binary16; bf16 is the upper half of binary32. Widening is exact. Narrowing rounds to
/// nearest, ties to even; overflow gives an infinity; NaN stays NaN (quiet, payload truncated). Bit-equal to
/// the hardware instructions the CPU kernels use (VCVTPS2PH, VCVTNEPS2BF16 apart from its flushing of
/// subnormals).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace reprise::engine {

enum class DType : std::uint8_t {
  f32,
  f16,
  bf16,
  f64,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
  // Formats of blocks that share a scale (block_formats.h), as GGUF files name them; the engine computes with
  // the first two.
  int8,  ///< Q8_0
  int4,  ///< Q4_0
  q4_1,
  q5_0,
  q5_1,
  q4_k,
  q5_k,
  q6_k,
};

/// Bit patterns of the narrow floats: distinct types, so that overloads and views cannot mix them up.
enum class F16 : std::uint16_t {};
enum class Bf16 : std::uint16_t {};

/// Elements that are stored together: 1, or 32 or 256 for block formats.
std::int64_t block_extent(DType dtype);
inline bool is_block_format(DType dtype) {
  return dtype >= DType::int8;
}
/// Bytes of one element, or of one block.
std::size_t size_of(DType dtype);
/// Bytes of `count` elements, a multiple of block_extent.
std::size_t bytes_of(DType dtype, std::int64_t count);
/// What the address of the first element is a multiple of, for kernels to read it: size_of for elements; block
/// formats hold a 16-bit scale, or bytes alone.
std::size_t alignment_of(DType dtype);

/// The project's spelling: "f32", "f16", "bf16", "int8", "int4", "q4_1", ...
std::string_view name_of(DType dtype);
std::optional<DType> dtype_named(std::string_view name);

[[gnu::always_inline]] inline float to_f32(Bf16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16);
}
float to_f32(F16 x);
[[gnu::always_inline]] inline float to_f32(float x) {
  return x;
}

Bf16 to_bf16(float x);
F16 to_f16(float x);

/// Conversion by target type, for code generic in the stored type.
template <class T>
T from_f32(float x);
template <>
[[gnu::always_inline]] inline float from_f32<float>(float x) {
  return x;
}
template <>
[[gnu::always_inline]] inline F16 from_f32<F16>(float x) {
  return to_f16(x);
}
template <>
[[gnu::always_inline]] inline Bf16 from_f32<Bf16>(float x) {
  return to_bf16(x);
}

template <class T>
inline constexpr DType kDTypeOf = DType::f32;
template <>
inline constexpr DType kDTypeOf<F16> = DType::f16;
template <>
inline constexpr DType kDTypeOf<Bf16> = DType::bf16;

}  // namespace reprise::engine
