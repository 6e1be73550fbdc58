#include "engine/core/philox.h"

#include <gtest/gtest.h>

namespace reprise::engine {
namespace {

TEST(Philox, KnownAnswersOfRandom123) {
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox4x32_10({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, KeyIsTheSeedLowWordFirst) {
  EXPECT_EQ(philox_key(0x1122334455667788), (PhiloxKey{0x55667788, 0x11223344}));
}

TEST(Philox, UniformsStayBelowOneAndUseTheHighBits) {
  EXPECT_EQ(uniform_f32(0), 0.0F);
  EXPECT_EQ(uniform_f32(0x80000000), 0.5F);
  EXPECT_EQ(uniform_f32(0xff), 0.0F);
  EXPECT_EQ(uniform_f32(0xffffffff), 1.0F - 0x1p-24F);
  EXPECT_EQ(uniform_f64(0, 0), 0.0);
  EXPECT_EQ(uniform_f64(0x80000000, 0), 0.5);
  EXPECT_EQ(uniform_f64(0, 0x800), 0x1p-53);
  EXPECT_EQ(uniform_f64(0xffffffff, 0xffffffff), 1.0 - 0x1p-53);
}

}  // namespace
}  // namespace reprise::engine
