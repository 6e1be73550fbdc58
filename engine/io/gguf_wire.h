/// What the GGUF reader and writer share: the format's constants and numbers as bytes. Part of gguf.h, not
/// for others.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/gguf.h"

namespace reprise::engine::detail {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they stand in the file");

inline constexpr std::string_view kGgufMagic = "GGUF";
inline constexpr std::string_view kGgufAlignmentKey = "general.alignment";
inline constexpr std::size_t kGgufAlignmentUnit = 8;
/// The format sets no limit; this one is far above any page size and keeps the arithmetic of padding
/// harmless.
inline constexpr std::size_t kGgufMaxAlignment = std::size_t{1} << 24;

/// Bytes of one value; 0 for a string or an array.
std::size_t size_of(GgufType type);

inline bool is_gguf_alignment(std::uint64_t bytes) {
  return bytes != 0 && bytes % kGgufAlignmentUnit == 0 && bytes <= kGgufMaxAlignment;
}
inline std::size_t gguf_padding(std::size_t size, std::size_t alignment) {
  return (alignment - size % alignment) % alignment;
}

/// Empty for the types that ggml lacks.
std::optional<std::uint32_t> find_ggml_type(DType dtype);

/// Empty when the shape asks for 2^63 bytes or more. Zero extents do not excuse the others: code behind this
/// multiplies extents in any order. The innermost extent is a multiple of block_extent, none is negative.
std::optional<std::size_t> bytes_of_shape(DType dtype, const std::vector<std::int64_t>& shape);

bool is_utf8(const std::string& text);

template <class T>
T load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

}  // namespace reprise::engine::detail
