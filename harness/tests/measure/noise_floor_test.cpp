#include "harness/measure/noise_floor.h"

#include <gtest/gtest.h>

#include "harness/tests/support/noisy_runner.h"

namespace reprise::harness {
namespace {

NoiseFloor of(double sigma, double ratio, Seconds budget) {
  FakeClock clock;
  NoisyRunner a(clock, lognormal(sigma)(1), 0.1);
  NoisyRunner b(clock, lognormal(sigma)(2), 0.1 * ratio);
  return measure_noise_floor(a, b, budget, clock);
}

TEST(NoiseFloorTest, OfAQuietMachineIsSmall) {
  const NoiseFloor noise = of(0.01, 1, 20);
  ASSERT_TRUE(noise.fraction);
  EXPECT_LT(*noise.fraction, 0.005);
  // 0.2 s a pair, less warm-up.
  EXPECT_GE(noise.pairs, 80);
  EXPECT_LE(noise.pairs, 100);
  ASSERT_TRUE(noise.detectable_fraction);
  EXPECT_GT(*noise.detectable_fraction, 0.01);  // more than the band
  EXPECT_LT(*noise.detectable_fraction, 0.02);
}

TEST(NoiseFloorTest, ANoisierMachineSeesLess) {
  EXPECT_GT(*of(0.05, 1, 20).detectable_fraction, *of(0.01, 1, 20).detectable_fraction);
}

/// Whatever makes one arm slower for good, it counts: here 3 %.
TEST(NoiseFloorTest, ABiasIsPartOfIt) {
  const NoiseFloor noise = of(0.01, 1.03, 20);
  EXPECT_NEAR(*noise.fraction, 0.03, 0.01);
  EXPECT_GT(*noise.detectable_fraction, 0.03);
}

TEST(NoiseFloorTest, OfTooFewPairsNothingCanBeSaidAbout60Seconds) {
  const NoiseFloor noise = of(0.01, 1, 2);
  EXPECT_LT(noise.pairs, 12);
  EXPECT_FALSE(noise.detectable_fraction);
}

}  // namespace
}  // namespace reprise::harness
