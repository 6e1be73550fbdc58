#include "harness/profile/roofline_share.h"

#include <gtest/gtest.h>

namespace reprise::harness {
namespace {

const Roofline kAll{100, 1000, 2000, 4000};
const Roofline kWithoutDots{100, 1000};

void expect_share(const Work& work, Seconds seconds, const Roofline& roofline, double fraction, Limit limit) {
  const RooflineShare share = roofline_share(work, seconds, roofline);
  EXPECT_DOUBLE_EQ(share.fraction, fraction);
  EXPECT_EQ(share.limit, limit);
}

TEST(RooflineShare, IsOfTheCeilingThatWouldTakeLongest) {
  expect_share({.bytes = 50, .f32_flops = 499}, 1, kAll, 0.5, Limit::read);
  expect_share({.bytes = 50, .f32_flops = 600}, 1, kAll, 0.6, Limit::f32_fma);
  expect_share({.bytes = 50, .int8_dot_ops = 1999}, 1, kAll, 0.5, Limit::read);
  expect_share({.bytes = 50, .int8_dot_ops = 3000}, 1, kAll, 0.75, Limit::int8_dot);
  expect_share({.bytes = 50, .bf16_dot_flops = 1500}, 1, kAll, 0.75, Limit::bf16_dot);
  expect_share({.bytes = 50}, 0.25, kAll, 2, Limit::read);
}

TEST(RooflineShare, KindsOfArithmeticAddUpAndTheLongerOneIsNamed) {
  expect_share({.f32_flops = 100, .int8_dot_ops = 2000}, 1, kAll, 0.6, Limit::int8_dot);
  expect_share({.f32_flops = 100, .bf16_dot_flops = 1000, .int8_dot_ops = 400}, 1, kAll, 0.7, Limit::bf16_dot);
  expect_share({.f32_flops = 500, .int8_dot_ops = 400}, 1, kAll, 0.6, Limit::f32_fma);
}

TEST(RooflineShare, DotProductsWithoutAPeakOfTheirOwnCountAsSinglePrecision) {
  expect_share({.bytes = 1, .bf16_dot_flops = 800}, 1, kWithoutDots, 0.8, Limit::f32_fma);
  expect_share({.bytes = 1, .int8_dot_ops = 800}, 1, kWithoutDots, 0.8, Limit::f32_fma);
}

TEST(RooflineShare, WithoutTimeOrWorkIsNothing) {
  expect_share({.bytes = 50, .f32_flops = 5000}, 0, kAll, 0, Limit::f32_fma);
  expect_share({}, 1, kAll, 0, Limit::read);
}

TEST(RooflineShare, WorkAddsUpByKind) {
  Work work;
  work.add(1, 10, engine::Arithmetic::f32);
  work.add(2, 20, engine::Arithmetic::int8_dot);
  work.add(4, 40, engine::Arithmetic::int8_dot);
  work.add(8, 80, engine::Arithmetic::bf16_dot);
  EXPECT_EQ(work.bytes, 15);
  EXPECT_EQ(work.bf16_dot_flops, 80);
  EXPECT_EQ(work.f32_flops, 10);
  EXPECT_EQ(work.int8_dot_ops, 60);
}

TEST(RooflineShareDeathTest, NeedsCeilings) {
  EXPECT_DEATH((void)roofline_share({}, 1, Roofline{}), "check failed");
  EXPECT_DEATH((void)roofline_share({}, 1, Roofline{1, 1, {}, 0.0}), "check failed");
}

}  // namespace
}  // namespace reprise::harness
