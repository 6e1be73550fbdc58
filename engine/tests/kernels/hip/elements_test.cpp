// Arithmetic of single elements in the kernels, as the processor compiles it.
#include <gtest/gtest.h>

#include <bit>

#include "engine/kernels/hip/runtime.h"
#include "engine/tests/kernels/random_tensors.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

std::uint32_t bits_of(float x) {
  return std::bit_cast<std::uint32_t>(x);
}

TEST(HipElements, WidenAsTheEngineDoes) {
  for (std::uint32_t i = 0; i <= 0xffff; ++i) {
    ASSERT_EQ(bits_of(widen(static_cast<F16>(i))), bits_of(to_f32(static_cast<F16>(i)))) << i;
    ASSERT_EQ(bits_of(widen(static_cast<Bf16>(i))), bits_of(to_f32(static_cast<Bf16>(i)))) << i;
    ASSERT_EQ(bits_of(widen(std::bit_cast<float>(i << 16 | i))), i << 16 | i);
  }
}

void expect_narrows_as_the_engine_does(std::uint32_t bits) {
  const auto x = std::bit_cast<float>(bits);
  ASSERT_EQ(narrow<F16>(x), to_f16(x)) << bits;
  ASSERT_EQ(narrow<Bf16>(x), to_bf16(x)) << bits;
  ASSERT_EQ(bits_of(narrow<float>(x)), bits);
}

TEST(HipElements, NarrowAsTheEngineDoes) {
  testing::Random random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    expect_narrows_as_the_engine_does(random.bits());
  }
  // Around every value of 16 bits and around the ties between them; infinities, NaN and subnormals are
  // among them.
  for (std::uint32_t i = 0; i <= 0xffff; ++i) {
    for (const std::uint32_t x : {i << 16, i << 16 | 0x8000, bits_of(to_f32(static_cast<F16>(i)))}) {
      for (const std::uint32_t change :
           {-0x1001U, -0x1000U, -0xfffU, -1U, 0U, 1U, 0xfffU, 0x1000U, 0x1001U}) {
        expect_narrows_as_the_engine_does(x + change);
      }
    }
  }
}

TEST(HipElements, Dot4IsPlainArithmetic) {
  testing::Random random(2);
  for (int i = 0; i < 100'000; ++i) {
    std::int8_t a[4];
    std::int8_t b[4];
    const auto sum = static_cast<int>(random.integer(-1'000'000'000, 1'000'000'000));
    int expected = sum;
    for (int j = 0; j < 4; ++j) {
      a[j] = static_cast<std::int8_t>(random.coin() ? random.integer(-128, 127)
                                                    : random.one_of({-128, -127, 127}));
      b[j] =
          static_cast<std::int8_t>(random.coin() ? random.integer(-128, 127) : random.one_of({-128, 0, 127}));
      expected += a[j] * b[j];
    }
    ASSERT_EQ(dot4(std::bit_cast<int>(a), std::bit_cast<int>(b), sum), expected);
  }
  EXPECT_EQ(dot4(static_cast<int>(0x80808080), static_cast<int>(0x80808080), 0), 4 * 128 * 128);
  EXPECT_EQ(dot4(static_cast<int>(0x80808080), 0x7f7f7f7f, 1), 1 - 4 * 128 * 127);
}

}  // namespace
}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
