#include "engine/core/dtype.h"

#include <array>

#include "engine/core/check.h"

namespace reprise::engine {
namespace {

struct DTypeInfo {
  std::string_view name;
  std::size_t size;
  std::int64_t block_extent = 1;
};

/// In the order of the enumeration.
constexpr std::array<DTypeInfo, 21> kDTypes = {{{"f32", 4},
                                                {"f16", 2},
                                                {"bf16", 2},
                                                {"f64", 8},
                                                {"i64", 8},
                                                {"i32", 4},
                                                {"i16", 2},
                                                {"i8", 1},
                                                {"u64", 8},
                                                {"u32", 4},
                                                {"u16", 2},
                                                {"u8", 1},
                                                {"bool", 1},
                                                {"int8", 34, 32},
                                                {"int4", 18, 32},
                                                {"q4_1", 20, 32},
                                                {"q5_0", 22, 32},
                                                {"q5_1", 24, 32},
                                                {"q4_k", 144, 256},
                                                {"q5_k", 176, 256},
                                                {"q6_k", 210, 256}}};
static_assert(static_cast<std::size_t>(DType::q6_k) + 1 == kDTypes.size());

const DTypeInfo& info(DType dtype) {
  const auto index = static_cast<std::size_t>(dtype);
  REPRISE_CHECK(index < kDTypes.size());
  return kDTypes[index];
}

}  // namespace

std::size_t size_of(DType dtype) {
  return info(dtype).size;
}

std::int64_t block_extent(DType dtype) {
  return info(dtype).block_extent;
}

std::size_t bytes_of(DType dtype, std::int64_t count) {
  const DTypeInfo& of = info(dtype);
  REPRISE_CHECK(count >= 0 && count % of.block_extent == 0);
  return static_cast<std::size_t>(count / of.block_extent) * of.size;
}

std::size_t alignment_of(DType dtype) {
  return is_block_format(dtype) ? alignof(std::uint16_t) : info(dtype).size;
}

std::string_view name_of(DType dtype) {
  return info(dtype).name;
}

std::optional<DType> dtype_named(std::string_view name) {
  for (std::size_t i = 0; i < kDTypes.size(); ++i) {
    if (kDTypes[i].name == name) {
      return static_cast<DType>(i);
    }
  }
  return std::nullopt;
}

float to_f32(F16 x) {
  const auto bits = static_cast<std::uint32_t>(x);
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fU;
  const std::uint32_t mantissa = bits & 0x3ffU;
  if (exponent == 0x1f) {  // infinity, NaN (made quiet, as the hardware does)
    const std::uint32_t quiet = mantissa != 0 ? 0x400000U : 0U;
    return std::bit_cast<float>(sign | 0x7f800000U | quiet | (mantissa << 13));
  }
  if (exponent == 0) {  // zero and subnormals: mantissa * 2^-24, exact in f32
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

F16 to_f16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) {
    return static_cast<F16>(sign | 0x7e00U | ((magnitude >> 13) & 0x3ffU));
  }
  if (magnitude >= 0x477ff000U) {  // 65520 and above round to infinity
    return static_cast<F16>(sign | 0x7c00U);
  }
  if (magnitude < 0x38800000U) {
    // Below 2^-14: adding 0.5 puts the 24-bit significand's last place at 2^-24, the last place of f16's
    // subnormals, so the addition itself rounds to nearest even.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<F16>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U));
  }
  const std::uint32_t odd = (magnitude >> 13) & 1U;
  const std::uint32_t rounded = magnitude - 0x38000000U + 0xfffU + odd;
  return static_cast<F16>(sign | (rounded >> 13));
}

Bf16 to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffffU) > 0x7f800000U) {
    return static_cast<Bf16>((bits >> 16) | 0x40U);
  }
  const std::uint32_t odd = (bits >> 16) & 1U;
  return static_cast<Bf16>((bits + 0x7fffU + odd) >> 16);
}

}  // namespace reprise::engine
