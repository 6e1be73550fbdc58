#include "harness/clock/roofline.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "harness/clock/roofline_kernels.h"
#include "harness/tests/support/fake_clock.h"

namespace reprise::harness {
namespace {

TEST(RooflineKernels, EveryIsaSumsEveryWord) {
  std::vector<std::uint64_t> words(5 * detail::kWordsPerStep);
  std::iota(words.begin(), words.end(), std::uint64_t{1} << 40);
  const std::uint64_t expected = std::accumulate(words.begin(), words.end(), std::uint64_t{0});
  for (const auto& kernels : detail::supported_roofline_kernels()) {
    EXPECT_EQ(kernels.sum(words), expected) << kernels.isa;
  }
}

TEST(RooflineKernels, EveryIsaRunsAllChainsThroughAllIterations) {
  for (const auto& kernels : detail::supported_roofline_kernels()) {
    // Chain j starts at j, so the starts add up to n (n + 1) / 2 a lane. Small integers: exact in float.
    const int starts = kernels.n_chains * (kernels.n_chains + 1) / 2;
    // x = x + 2, three times: every chain ends 6 higher.
    EXPECT_EQ(kernels.multiply_add(3, 1.0F, 2.0F),
              static_cast<float>(kernels.lanes_per_chain * (starts + 6 * kernels.n_chains)))
        << kernels.isa;
    // x = 2 x, four times.
    EXPECT_EQ(kernels.multiply_add(4, 2.0F, 0.0F), static_cast<float>(kernels.lanes_per_chain * 16 * starts))
        << kernels.isa;
  }
}

TEST(RooflineKernels, TheWidestOfThisMachineIsLast) {
  const auto kernels = detail::supported_roofline_kernels();
  EXPECT_EQ(kernels.front().isa, "scalar");
#if defined(__x86_64__)
  const bool wide = __builtin_cpu_supports("avx512f");
  EXPECT_EQ(kernels.back().isa == "avx512", wide);
#endif
}

TEST(MeasureRoofline, DividesBytesAndFlopsByTheClocksSeconds) {
  // The readings are 1 ms apart, so every pass takes 1 ms.
  FakeClock clock(1e-3);
  RooflineOptions options;
  options.buffer_bytes = 1 << 20;
  options.read_seconds = 0;
  options.flops_seconds = 0;
  const RooflineMeasurement measured = measure_roofline(2, clock, options);
  ASSERT_EQ(measured.points.size(), 2U);
  EXPECT_EQ(measured.points[0].threads, 1);
  EXPECT_EQ(measured.points[1].threads, 2);
  EXPECT_NEAR(measured.points[0].read_bytes_per_second, 0x1p20 / 1e-3, 1);
  EXPECT_NEAR(measured.points[1].read_bytes_per_second, 0x1p20 / 1e-3, 1);
  EXPECT_NEAR(measured.points[1].f32_flops_per_second / measured.points[0].f32_flops_per_second, 2, 1e-9);
  EXPECT_EQ(measured.ceilings().read_bytes_per_second, measured.points[1].read_bytes_per_second);
  EXPECT_EQ(measured.ceilings().f32_flops_per_second, measured.points[1].f32_flops_per_second);
}

TEST(MeasureRoofline, AClockThatStandsStillStillGivesFinitePositiveFigures) {
  FakeClock clock;
  RooflineOptions options;
  options.buffer_bytes = 4096;
  options.read_seconds = 0;
  options.flops_seconds = 0;
  const RooflineMeasurement measured = measure_roofline(1, clock, options);
  ASSERT_EQ(measured.points.size(), 1U);
  EXPECT_GT(measured.points[0].read_bytes_per_second, 0);
  EXPECT_GT(measured.points[0].f32_flops_per_second, 0);
  EXPECT_TRUE(std::isfinite(measured.points[0].read_bytes_per_second));
}

TEST(MeasureRoofline, RepeatsPassesForTheTimeAskedFor) {
  // 1 ms a reading: 50 ms of reading and 20 ms of multiplying cannot be done in fewer readings than that.
  FakeClock clock(1e-3);
  RooflineOptions options;
  options.buffer_bytes = 4096;
  options.read_seconds = 0.05;
  options.flops_seconds = 0.02;
  (void)measure_roofline(1, clock, options);
  EXPECT_GE(clock.now(), 0.07);
  EXPECT_LT(clock.now(), 0.1);
}

}  // namespace
}  // namespace reprise::harness
