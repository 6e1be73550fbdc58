#include "harness/profile/cost_profile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace reprise::harness {
namespace {

const Roofline kRoofline{100e9, 1000e9, 2000e9, 4000e9};

TEST(CostProfile, AddsUpCallsOfOneKernelInOnePhase) {
  CostProfileBuilder builder;
  builder.add({.phase = "decode", .name = "linear", .seconds = 0.25, .bytes = 1000, .flops = 2000});
  builder.add(
      {.phase = "decode", .name = "linear", .seconds = 0.5, .bytes = 3000, .flops = 6000, .calls = 4});
  builder.add({.phase = "prefill", .name = "linear", .seconds = 0.125, .bytes = 10, .flops = 20});
  const CostProfile profile = builder.build(1.0);
  ASSERT_EQ(profile.centres.size(), 2U);
  const CostCentre& decode = profile.centres[0];
  EXPECT_EQ(decode.phase, "decode");
  EXPECT_EQ(decode.name, "linear");
  EXPECT_EQ(decode.calls, 5);
  EXPECT_EQ(decode.seconds, 0.75);
  EXPECT_EQ(decode.fraction, 0.75);
  EXPECT_EQ(decode.bytes, 4000);
  EXPECT_EQ(decode.flops, 8000);
  EXPECT_DOUBLE_EQ(decode.bytes_per_second, 4000 / 0.75);
  EXPECT_DOUBLE_EQ(decode.flops_per_second, 8000 / 0.75);
  EXPECT_FALSE(decode.roofline_fraction.has_value());
  EXPECT_FALSE(decode.roofline_limit.has_value());
  EXPECT_EQ(profile.centres[1].phase, "prefill");
  EXPECT_EQ(builder.calls(), 6);
}

TEST(CostProfile, CentresAndTheRestAreTheWallTime) {
  CostProfileBuilder builder;
  double attributed = 0;
  for (int i = 1; i <= 1000; ++i) {
    const double seconds = 1e-5 * i / 7;
    builder.add(
        {.phase = i % 2 == 0 ? "prefill" : "decode", .name = std::to_string(i % 13), .seconds = seconds});
    attributed += seconds;
  }
  const CostProfile profile = builder.build(1.0);
  double sum = profile.unattributed_seconds;
  double fractions = profile.unattributed_seconds / profile.wall_seconds;
  for (const CostCentre& centre : profile.centres) {
    sum += centre.seconds;
    fractions += centre.fraction;
  }
  EXPECT_NEAR(sum, profile.wall_seconds, 1e-12);
  EXPECT_NEAR(fractions, 1, 1e-12);
  EXPECT_NEAR(profile.unattributed_seconds, 1.0 - attributed, 1e-12);
}

TEST(CostProfile, OverlappingRecordsShowAsANegativeRest) {
  CostProfileBuilder builder;
  builder.add({.phase = "decode", .name = "a", .seconds = 0.75});
  builder.add({.phase = "decode", .name = "b", .seconds = 0.75});
  EXPECT_EQ(builder.build(1.0).unattributed_seconds, -0.5);
}

TEST(CostProfile, RooflineFractionIsTheNearerCeiling) {
  CostProfileBuilder builder;
  builder.add({.phase = "decode", .name = "reads", .seconds = 2, .bytes = 100'000'000'000, .flops = 1000});
  builder.add(
      {.phase = "prefill", .name = "computes", .seconds = 1, .bytes = 1000, .flops = 250'000'000'000});
  const CostProfile profile = builder.build(3, kRoofline);
  EXPECT_DOUBLE_EQ(*profile.centres[0].roofline_fraction, 0.5);
  EXPECT_EQ(profile.centres[0].roofline_limit, Limit::read);
  EXPECT_DOUBLE_EQ(*profile.centres[1].roofline_fraction, 0.25);
  EXPECT_EQ(profile.centres[1].roofline_limit, Limit::f32_fma);
}

/// A model with matrices in blocks and others: one centre, two kinds of products.
TEST(CostProfile, RooflineFractionWeighsEachKindOfArithmeticByItsOwnPeak) {
  CostProfileBuilder builder;
  builder.add({.phase = "prefill",
               .name = "linear",
               .seconds = 0.5,
               .flops = 1'000'000'000'000,
               .arithmetic = engine::Arithmetic::int8_dot});
  builder.add({.phase = "prefill", .name = "linear", .seconds = 0.5, .flops = 200'000'000'000});
  const CostProfile profile = builder.build(1, kRoofline);
  ASSERT_EQ(profile.centres.size(), 1U);
  EXPECT_EQ(profile.centres[0].flops, 1'200'000'000'000);
  EXPECT_DOUBLE_EQ(*profile.centres[0].roofline_fraction, 0.25 + 0.2);
  EXPECT_EQ(profile.centres[0].roofline_limit, Limit::int8_dot);
}

TEST(CostProfile, SortsBySecondsThenByName) {
  CostProfileBuilder builder;
  builder.add({.phase = "prefill", .name = "b", .seconds = 1});
  builder.add({.phase = "decode", .name = "z", .seconds = 1});
  builder.add({.phase = "decode", .name = "a", .seconds = 1});
  builder.add({.phase = "prefill", .name = "a", .seconds = 3});
  std::string order;
  for (const CostCentre& centre : builder.build(10).centres) {
    order += centre.phase[0] + centre.name + " ";
  }
  EXPECT_EQ(order, "pa da dz pb ");
}

TEST(CostProfile, WithoutTimeThereAreNoRates) {
  CostProfileBuilder builder;
  builder.add({.phase = "decode", .name = "a", .seconds = 0, .bytes = 5, .flops = 5});
  const CostProfile profile = builder.build(0, kRoofline);
  EXPECT_EQ(profile.centres[0].bytes_per_second, 0);
  EXPECT_EQ(profile.centres[0].flops_per_second, 0);
  EXPECT_EQ(profile.centres[0].fraction, 0);
  EXPECT_EQ(*profile.centres[0].roofline_fraction, 0);
}

TEST(CostProfile, OfNothingIsAllUnattributed) {
  const CostProfile profile = CostProfileBuilder().build(2);
  EXPECT_TRUE(profile.centres.empty());
  EXPECT_EQ(profile.unattributed_seconds, 2);
}

TEST(CostProfileDeathTest, RefusesImpossibleFigures) {
  CostProfileBuilder builder;
  EXPECT_DEATH(builder.add({.phase = "p", .name = "n", .seconds = -1}), "check failed");
  EXPECT_DEATH(builder.add({.phase = "p", .name = "n", .seconds = std::nan("")}), "check failed");
  EXPECT_DEATH((void)builder.build(std::numeric_limits<double>::infinity()), "check failed");
}

}  // namespace
}  // namespace reprise::harness
