#include "engine/core/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "engine/core/philox.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace reprise::engine {
namespace {

/// A narrow format by its numbers; the reference conversion below knows nothing else about it.
struct Format {
  int mantissa_bits;
  int min_exponent;  ///< of normal numbers
  int max_exponent;
};
constexpr Format kF16 = {10, -14, 15};
constexpr Format kBf16 = {7, -126, 127};

/// Nearest-even narrowing in double, which holds every f32 and every quotient here exactly. Not for NaN.
std::uint16_t narrow_reference(float x, Format format) {
  const double magnitude = std::fabs(static_cast<double>(x));
  const int storage_bits = 15 - format.mantissa_bits;
  const auto sign = static_cast<std::uint32_t>(std::signbit(x)) << 15;
  const std::uint32_t infinity = ((1U << storage_bits) - 1U) << format.mantissa_bits;
  if (magnitude == 0) {
    return static_cast<std::uint16_t>(sign);
  }
  const int exponent =
      std::isinf(magnitude) ? format.max_exponent + 1 : std::max(std::ilogb(magnitude), format.min_exponent);
  if (exponent > format.max_exponent) {
    return static_cast<std::uint16_t>(sign | infinity);
  }
  const double units = std::nearbyint(std::ldexp(magnitude, format.mantissa_bits - exponent));
  // The codes of consecutive magnitudes are consecutive integers, through every carry, up to infinity.
  const auto biased = static_cast<std::uint32_t>(exponent - format.min_exponent);
  return static_cast<std::uint16_t>(sign |
                                    ((biased << format.mantissa_bits) + static_cast<std::uint32_t>(units)));
}

float widen_reference(std::uint16_t bits, Format format) {
  const int mantissa = bits & ((1 << format.mantissa_bits) - 1);
  const int biased = (bits & 0x7fff) >> format.mantissa_bits;
  const int implicit = biased == 0 ? 0 : 1 << format.mantissa_bits;
  const int exponent = std::max(biased, 1) - 1 + format.min_exponent - format.mantissa_bits;
  const double magnitude = biased - 1 + format.min_exponent > format.max_exponent
                               ? std::numeric_limits<double>::infinity()
                               : std::ldexp(mantissa + implicit, exponent);
  return static_cast<float>((bits & 0x8000) != 0 ? -magnitude : magnitude);
}

bool is_nan(std::uint16_t bits, Format format) {
  const std::uint32_t infinity = ((1U << (15 - format.mantissa_bits)) - 1U) << format.mantissa_bits;
  return (bits & 0x7fffU) > infinity;
}

/// Every code, every midpoint between neighbours (the ties), the f32 neighbours of both, f32's own edges, and
/// seeded random bit patterns; infinities and NaN among them.
std::vector<float> interesting_values(Format format) {
  std::vector<float> values;
  const auto add_with_neighbours = [&](float x) {
    values.push_back(x);
    values.push_back(std::nextafter(x, std::numeric_limits<float>::infinity()));
    values.push_back(std::nextafter(x, -std::numeric_limits<float>::infinity()));
  };
  for (std::uint32_t code = 0; code < 0x10000; ++code) {
    const auto bits = static_cast<std::uint16_t>(code);
    if (is_nan(bits, format)) {
      values.push_back(std::bit_cast<float>(code << 16));
      continue;
    }
    const double here = widen_reference(bits, format);
    const double next = widen_reference(static_cast<std::uint16_t>(bits + 1), format);
    add_with_neighbours(static_cast<float>(here));
    if (std::isfinite(here)) {
      const double end =
          std::isfinite(next) ? next : std::copysign(std::ldexp(1.0, format.max_exponent + 1), here);
      add_with_neighbours(static_cast<float>((here + end) / 2));
    }
  }
  for (const std::uint32_t bits :
       {0x7f800001U, 0x7fbfffffU, 0x7fc00000U, 0xffffffffU, 0x7f7fffffU, 0x00000001U}) {
    values.push_back(std::bit_cast<float>(bits));
    values.push_back(-std::bit_cast<float>(bits));
  }
  for (std::uint32_t i = 0; i < 250'000; ++i) {
    for (const std::uint32_t word : philox4x32_10({i, 0, 0, 0}, philox_key(20'240'601))) {
      values.push_back(std::bit_cast<float>(word));
    }
  }
  return values;
}

/// Compares `narrow` with the reference over all interesting values; reports the first few differences only.
template <class Narrow>
void expect_narrows_like_reference(Format format, Narrow narrow) {
  int failures = 0;
  for (const float x : interesting_values(format)) {
    const std::uint16_t found = narrow(x);
    const bool right = std::isnan(x) ? is_nan(found, format) && std::signbit(x) == ((found & 0x8000) != 0)
                                     : found == narrow_reference(x, format);
    if (!right) {
      ADD_FAILURE() << std::hexfloat << x << " narrowed to 0x" << std::hex << found << ", expected 0x"
                    << narrow_reference(x, format);
      if (++failures == 5) {
        return;
      }
    }
  }
}

std::uint16_t bits_of(F16 x) {
  return static_cast<std::uint16_t>(x);
}
std::uint16_t bits_of(Bf16 x) {
  return static_cast<std::uint16_t>(x);
}

TEST(DType, NamesAndSizesOfEveryType) {
  const std::vector<std::pair<DType, std::pair<const char*, std::size_t>>> all = {
      {DType::f32, {"f32", 4}},      {DType::f16, {"f16", 2}},     {DType::bf16, {"bf16", 2}},
      {DType::f64, {"f64", 8}},      {DType::i64, {"i64", 8}},     {DType::i32, {"i32", 4}},
      {DType::i16, {"i16", 2}},      {DType::i8, {"i8", 1}},       {DType::u64, {"u64", 8}},
      {DType::u32, {"u32", 4}},      {DType::u16, {"u16", 2}},     {DType::u8, {"u8", 1}},
      {DType::boolean, {"bool", 1}}, {DType::int8, {"int8", 34}},  {DType::int4, {"int4", 18}},
      {DType::q4_1, {"q4_1", 20}},   {DType::q5_0, {"q5_0", 22}},  {DType::q5_1, {"q5_1", 24}},
      {DType::q4_k, {"q4_k", 144}},  {DType::q5_k, {"q5_k", 176}}, {DType::q6_k, {"q6_k", 210}}};
  for (const auto& [dtype, expected] : all) {
    EXPECT_EQ(name_of(dtype), expected.first);
    EXPECT_EQ(size_of(dtype), expected.second);
    EXPECT_EQ(dtype_named(expected.first), dtype);
  }
  EXPECT_EQ(dtype_named("F32"), std::nullopt);
  EXPECT_EQ(bytes_of(DType::bf16, 3), 6U);
  EXPECT_EQ(bytes_of(DType::int8, 64), 68U);
  EXPECT_EQ(bytes_of(DType::q6_k, 512), 420U);
  EXPECT_DEATH(bytes_of(DType::int4, 48), "");
  EXPECT_EQ(dtype_named(""), std::nullopt);
}

TEST(F16, EveryPatternWidensExactlyAndNarrowsBack) {
  for (std::uint32_t code = 0; code < 0x10000; ++code) {
    const auto bits = static_cast<std::uint16_t>(code);
    const float wide = to_f32(static_cast<F16>(bits));
    if (is_nan(bits, kF16)) {
      ASSERT_TRUE(std::isnan(wide)) << code;
      ASSERT_EQ(bits_of(to_f16(wide)), bits | 0x200) << code;  // the same NaN, made quiet
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(wide),
                std::bit_cast<std::uint32_t>(widen_reference(bits, kF16)));
      ASSERT_EQ(bits_of(to_f16(wide)), bits);
    }
  }
}

TEST(Bf16, EveryPatternWidensExactlyAndNarrowsBack) {
  for (std::uint32_t code = 0; code < 0x10000; ++code) {
    const auto bits = static_cast<std::uint16_t>(code);
    const float wide = to_f32(static_cast<Bf16>(bits));
    ASSERT_EQ(std::bit_cast<std::uint32_t>(wide), code << 16);
    ASSERT_EQ(bits_of(to_bf16(wide)), is_nan(bits, kBf16) ? bits | 0x40 : bits);
    if (!is_nan(bits, kBf16)) {
      ASSERT_EQ(wide, widen_reference(bits, kBf16));
    }
  }
}

TEST(F16, NarrowingRoundsToNearestEvenEverywhere) {
  expect_narrows_like_reference(kF16, [](float x) { return bits_of(to_f16(x)); });
}

TEST(Bf16, NarrowingRoundsToNearestEvenEverywhere) {
  expect_narrows_like_reference(kBf16, [](float x) { return bits_of(to_bf16(x)); });
}

TEST(F16, LandmarksOfTheFormat) {
  EXPECT_EQ(bits_of(to_f16(1.0F)), 0x3c00);
  EXPECT_EQ(bits_of(to_f16(65504.0F)), 0x7bff);    // the largest
  EXPECT_EQ(bits_of(to_f16(65519.996F)), 0x7bff);  // rounds down to it
  EXPECT_EQ(bits_of(to_f16(65520.0F)), 0x7c00);    // a tie: to even, infinity
  EXPECT_EQ(bits_of(to_f16(-0x1p-24F)), 0x8001);   // the smallest subnormal
  EXPECT_EQ(bits_of(to_f16(0x1p-25F)), 0x0000);    // a tie: to even, zero
  EXPECT_EQ(bits_of(to_f16(0x1.000002p-25F)), 0x0001);
  EXPECT_EQ(bits_of(to_f16(1.0F + 0x1p-11F)), 0x3c00);    // ties: down to even,
  EXPECT_EQ(bits_of(to_f16(1.0F + 0x1.8p-10F)), 0x3c02);  // up to even
}

TEST(DType, ConversionByTargetType) {
  EXPECT_EQ(from_f32<float>(0.1F), 0.1F);
  EXPECT_EQ(from_f32<F16>(1.5F), to_f16(1.5F));
  EXPECT_EQ(from_f32<Bf16>(1.5F), to_bf16(1.5F));
  EXPECT_EQ(kDTypeOf<float>, DType::f32);
  EXPECT_EQ(kDTypeOf<F16>, DType::f16);
  EXPECT_EQ(kDTypeOf<Bf16>, DType::bf16);
}

#if defined(__x86_64__)
__attribute__((target("f16c"))) std::uint16_t narrow_by_f16c(float x) {
  return static_cast<std::uint16_t>(
      _mm_extract_epi16(_mm_cvtps_ph(_mm_set1_ps(x), _MM_FROUND_TO_NEAREST_INT), 0));
}

__attribute__((target("f16c"))) std::uint32_t widen_by_f16c(std::uint16_t x) {
  return static_cast<std::uint32_t>(
      _mm_cvtsi128_si32(_mm_castps_si128(_mm_cvtph_ps(_mm_set1_epi16(static_cast<short>(x))))));
}

__attribute__((target("avx512bf16,avx512vl"))) std::uint16_t narrow_by_avx512_bf16(float x) {
  const __m128bh packed = _mm_cvtneps_pbh(_mm_set1_ps(x));
  std::uint16_t bits = 0;
  std::memcpy(&bits, &packed, sizeof bits);
  return bits;
}

TEST(F16, EqualsTheHardwareBitForBit) {
  if (!__builtin_cpu_supports("f16c")) {
    GTEST_SKIP() << "this machine has no F16C";
  }
  for (std::uint32_t code = 0; code < 0x10000; ++code) {
    const auto bits = static_cast<std::uint16_t>(code);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(to_f32(static_cast<F16>(bits))), widen_by_f16c(bits)) << code;
  }
  for (const float x : interesting_values(kF16)) {
    ASSERT_EQ(bits_of(to_f16(x)), narrow_by_f16c(x)) << std::hexfloat << x;
  }
}

TEST(Bf16, EqualsTheHardwareButForSubnormals) {
  if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512vl")) {
    GTEST_SKIP() << "this machine has no AVX512_BF16";
  }
  for (const float x : interesting_values(kBf16)) {
    if (std::fpclassify(x) != FP_SUBNORMAL) {
      ASSERT_EQ(bits_of(to_bf16(x)), narrow_by_avx512_bf16(x)) << std::hexfloat << x;
    }
  }
}
#endif

}  // namespace
}  // namespace reprise::engine
