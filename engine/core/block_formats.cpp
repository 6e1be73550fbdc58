#include "engine/core/block_formats.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/core/check.h"
#include "engine/core/int8_rule.h"

namespace reprise::engine {
namespace {

/// Elements of a block of ggml's K formats.
constexpr std::int64_t kSuperBlock = 256;

// The formats that are only read, as ggml-common.h lays them out.
struct Q4_1Block {
  F16 scale;
  F16 minimum;
  std::uint8_t nibbles[kBlock / 2];
};
struct Q5_0Block {
  F16 scale;
  std::uint8_t fifth_bits[4];
  std::uint8_t nibbles[kBlock / 2];
};
struct Q5_1Block {
  F16 scale;
  F16 minimum;
  std::uint8_t fifth_bits[4];
  std::uint8_t nibbles[kBlock / 2];
};
struct Q4KBlock {
  F16 scale;
  F16 minimum;
  std::uint8_t scales[12];  ///< 8 pairs (scale, minimum) of 6 bits
  std::uint8_t nibbles[kSuperBlock / 2];
};
struct Q5KBlock {
  F16 scale;
  F16 minimum;
  std::uint8_t scales[12];
  std::uint8_t fifth_bits[kSuperBlock / 8];
  std::uint8_t nibbles[kSuperBlock / 2];
};
struct Q6KBlock {
  std::uint8_t nibbles[kSuperBlock / 2];
  std::uint8_t upper_bits[kSuperBlock / 4];
  std::int8_t scales[kSuperBlock / 16];
  F16 scale;
};

/// The scale as stored; false when it overflows.
bool narrow_scale(float scale, F16& out) {
  out = to_f16(scale);
  return std::isfinite(to_f32(out));
}

void dequantize_block(const Int8Block& block, float* out) {
  const float scale = to_f32(block.scale);
  for (int i = 0; i < kBlock; ++i) {
    out[i] = scale * static_cast<float>(block.values[i]);
  }
}

/// Nibbles of a 32-block: element i in the lower half of byte i, element i + 16 in the upper half.
std::uint32_t nibble(const std::uint8_t* nibbles, int i) {
  return i < kBlock / 2 ? nibbles[i] & 0x0fU : nibbles[i - kBlock / 2] >> 4U;
}

/// Bit i of four bytes, as bit 4: it stands above a nibble.
std::uint32_t fifth_bit(const std::uint8_t* bits, int i) {
  return (bits[i / 8] >> (i % 8) & 1U) << 4U;
}

void dequantize_block(const Int4Block& block, float* out) {
  const float scale = to_f32(block.scale);
  for (int i = 0; i < kBlock; ++i) {
    out[i] = scale * (static_cast<float>(nibble(block.nibbles, i)) - 8.0F);
  }
}

void dequantize_block(const Q4_1Block& block, float* out) {
  const float scale = to_f32(block.scale);
  const float minimum = to_f32(block.minimum);
  for (int i = 0; i < kBlock; ++i) {
    out[i] = scale * static_cast<float>(nibble(block.nibbles, i)) + minimum;
  }
}

void dequantize_block(const Q5_0Block& block, float* out) {
  const float scale = to_f32(block.scale);
  for (int i = 0; i < kBlock; ++i) {
    const std::uint32_t value = nibble(block.nibbles, i) | fifth_bit(block.fifth_bits, i);
    out[i] = scale * (static_cast<float>(value) - 16.0F);
  }
}

void dequantize_block(const Q5_1Block& block, float* out) {
  const float scale = to_f32(block.scale);
  const float minimum = to_f32(block.minimum);
  for (int i = 0; i < kBlock; ++i) {
    const std::uint32_t value = nibble(block.nibbles, i) | fifth_bit(block.fifth_bits, i);
    out[i] = scale * static_cast<float>(value) + minimum;
  }
}

struct ScaleAndMinimum {
  float scale;
  float minimum;
};

/// Pair j of the eight that 12 bytes hold: the first four in the lower 6 bits of bytes j and j + 4, the
/// others in the nibbles of bytes 8 to 11, their upper bits in the upper bits of bytes 0 to 7.
ScaleAndMinimum pair_of(const std::uint8_t* packed, int j) {
  if (j < 4) {
    return {static_cast<float>(packed[j] & 63U), static_cast<float>(packed[j + 4] & 63U)};
  }
  const std::uint32_t scale = (packed[j + 4] & 0x0fU) | (packed[j - 4] >> 6U) << 4U;
  const std::uint32_t minimum = (packed[j + 4] >> 4U) | (packed[j] >> 6U) << 4U;
  return {static_cast<float>(scale), static_cast<float>(minimum)};
}

/// Q4_K and Q5_K: group g of 32 elements has pair g; 64 elements share 32 bytes of nibbles.
template <class Block, class FifthBit>
void dequantize_groups(const Block& block, FifthBit&& fifth, float* out) {
  const float scale = to_f32(block.scale);
  const float minimum = to_f32(block.minimum);
  for (int group = 0; group < 8; ++group) {
    const ScaleAndMinimum pair = pair_of(block.scales, group);
    const float group_scale = scale * pair.scale;
    const float group_minimum = minimum * pair.minimum;
    const std::uint8_t* bytes = block.nibbles + group / 2 * 32;
    for (int i = 0; i < 32; ++i) {
      const std::uint32_t low = group % 2 == 0 ? bytes[i] & 0x0fU : bytes[i] >> 4U;
      *out++ = group_scale * static_cast<float>(low + fifth(group, i)) - group_minimum;
    }
  }
}

void dequantize_block(const Q4KBlock& block, float* out) {
  dequantize_groups(
      block, [](int, int) { return 0U; }, out);
}

void dequantize_block(const Q5KBlock& block, float* out) {
  dequantize_groups(
      block, [&](int group, int i) { return (block.fifth_bits[i] >> group & 1U) << 4U; }, out);
}

/// Halves of 128 elements: 64 bytes of nibbles and 32 of upper bit pairs; scales for runs of 16.
void dequantize_block(const Q6KBlock& block, float* out) {
  const float scale = to_f32(block.scale);
  for (int i = 0; i < kSuperBlock; ++i) {
    const int half = i / 128;
    const int quarter = i % 128 / 32;
    const int column = i % 32;
    const std::uint8_t byte = block.nibbles[half * 64 + quarter % 2 * 32 + column];
    const std::uint32_t low = quarter < 2 ? byte & 0x0fU : byte >> 4U;
    const std::uint32_t high = block.upper_bits[half * 32 + column] >> (2 * quarter) & 3U;
    const auto value = static_cast<float>(static_cast<int>(low | high << 4U) - 32);
    out[i] = scale * static_cast<float>(block.scales[i / 16]) * value;
  }
}

template <class T>
void dequantize_all(const std::byte* data, std::span<float> out) {
  constexpr auto kExtent = static_cast<std::size_t>(sizeof(T) > sizeof(Int8Block) ? kSuperBlock : kBlock);
  for (std::size_t i = 0; i < out.size() / kExtent; ++i) {
    T block;
    std::memcpy(&block, data + i * sizeof(T), sizeof(T));
    dequantize_block(block, out.data() + i * kExtent);
  }
}

template <class T>
void widen_all(const std::byte* data, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T element;
    std::memcpy(&element, data + i * sizeof(T), sizeof(T));
    out[i] = to_f32(element);
  }
}

template <class T>
std::size_t narrow_all(std::span<const float> x, std::byte* out) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T value = from_f32<T>(x[i]);
    if (!std::isfinite(to_f32(value)) && std::isfinite(x[i])) {
      return i;
    }
    std::memcpy(out, &value, sizeof(T));
    out += sizeof(T);
  }
  return x.size();
}

template <class Block>
std::size_t quantize_all(std::span<const float> x, std::byte* out) {
  std::size_t done = 0;
  for (; done < x.size(); done += static_cast<std::size_t>(kBlock)) {
    Block block;
    if (!quantize_block(x.data() + done, block)) {
      break;
    }
    std::memcpy(out, &block, sizeof(block));
    out += sizeof(block);
  }
  return done;
}

}  // namespace

bool quantize_block(const float* x, Int8Block& out) {
  const float scale = int8_scale(x);
  if (!narrow_scale(scale, out.scale)) {
    return false;
  }
  int8_levels(x, scale, out.values);
  return true;
}

bool quantize_block(const float* x, Int4Block& out) {
  float largest = 0.0F;
  float signed_largest = 0.0F;
  bool finite = true;
  for (int i = 0; i < kBlock; ++i) {
    finite = finite && std::isfinite(x[i]);
    if (largest < std::abs(x[i])) {
      largest = std::abs(x[i]);
      signed_largest = x[i];
    }
  }
  const float scale = signed_largest / -8.0F;
  if (!narrow_scale(scale, out.scale) || !finite) {
    return false;
  }
  const float inverse = reciprocal_or_zero(scale);
  const auto level = [&](float element) {
    return static_cast<std::uint8_t>(std::min(15, static_cast<int>(element * inverse + 8.5F)));
  };
  for (int i = 0; i < kBlock / 2; ++i) {
    out.nibbles[i] = static_cast<std::uint8_t>(level(x[i]) | level(x[i + kBlock / 2]) << 4U);
  }
  return true;
}

std::size_t quantize(DType dtype, std::span<const float> x, std::byte* out) {
  REPRISE_CHECK(std::ssize(x) % block_extent(dtype) == 0);
  switch (dtype) {
    case DType::f32:
      return narrow_all<float>(x, out);
    case DType::f16:
      return narrow_all<F16>(x, out);
    case DType::bf16:
      return narrow_all<Bf16>(x, out);
    case DType::int8:
      return quantize_all<Int8Block>(x, out);
    case DType::int4:
      return quantize_all<Int4Block>(x, out);
    default:
      REPRISE_CHECK(false && "not a format that the engine writes");
  }
}

void dequantize(DType dtype, const std::byte* data, std::span<float> out) {
  REPRISE_CHECK(std::ssize(out) % block_extent(dtype) == 0);
  switch (dtype) {
    case DType::f32:
      return widen_all<float>(data, out);
    case DType::f16:
      return widen_all<F16>(data, out);
    case DType::bf16:
      return widen_all<Bf16>(data, out);
    case DType::int8:
      return dequantize_all<Int8Block>(data, out);
    case DType::int4:
      return dequantize_all<Int4Block>(data, out);
    case DType::q4_1:
      return dequantize_all<Q4_1Block>(data, out);
    case DType::q5_0:
      return dequantize_all<Q5_0Block>(data, out);
    case DType::q5_1:
      return dequantize_all<Q5_1Block>(data, out);
    case DType::q4_k:
      return dequantize_all<Q4KBlock>(data, out);
    case DType::q5_k:
      return dequantize_all<Q5KBlock>(data, out);
    case DType::q6_k:
      return dequantize_all<Q6KBlock>(data, out);
    default:
      REPRISE_CHECK(false && "not a float or block format");
  }
}

}  // namespace reprise::engine
