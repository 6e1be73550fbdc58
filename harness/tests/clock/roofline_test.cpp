#include "harness/clock/roofline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <vector>

#include "harness/clock/dot_kernels.h"
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

/// Points of one limit.
std::vector<RooflinePoint> points_of(const Roofline& roofline, Limit limit) {
  std::vector<RooflinePoint> points;
  std::copy_if(roofline.points.begin(), roofline.points.end(), std::back_inserter(points),
               [&](const RooflinePoint& point) { return point.limit == limit; });
  return points;
}

TEST(MeasureRoofline, DividesBytesAndFlopsByTheClocksSeconds) {
  // The readings are 1 ms apart, so every pass takes 1 ms.
  FakeClock clock(1e-3);
  const Roofline measured =
      measure_roofline(2, clock, {.buffer_bytes = 1 << 20, .read_seconds = 0, .arithmetic_seconds = 0});
  const auto read = points_of(measured, Limit::read);
  ASSERT_EQ(read.size(), 4U);
  for (std::size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].threads, i < 2 ? 1 : 2);
    EXPECT_EQ(read[i].pages, i % 2 == 0 ? PageSize::small : PageSize::huge);
    EXPECT_NEAR(read[i].per_second, 0x1p20 / 1e-3, 1);
    EXPECT_TRUE(read[i].huge_page_fraction.has_value());
    EXPECT_FALSE(read[i].instruction.empty());
  }
  EXPECT_EQ(read[0].huge_page_fraction, 0);
  const auto f32 = points_of(measured, Limit::f32_fma);
  ASSERT_EQ(f32.size(), 2U);
  EXPECT_NEAR(f32[1].per_second / f32[0].per_second, 2, 1e-9);
  EXPECT_FALSE(f32[0].pages.has_value());
  EXPECT_NEAR(measured.read_bytes_per_second, 0x1p20 / 1e-3, 1);
  EXPECT_EQ(measured.f32_flops_per_second, f32[1].per_second);
}

TEST(MeasureRoofline, HasAPointForEachInstructionAndThreadCount) {
  FakeClock clock(1e-3);
  const Roofline measured =
      measure_roofline(3, clock, {.buffer_bytes = 4096, .read_seconds = 0, .arithmetic_seconds = 0});
  std::size_t n_dots = 0;
  for (const auto& kernel : detail::supported_dot_kernels()) {
    n_dots += 2;
    double best = 0;
    for (const RooflinePoint& point : points_of(measured, kernel.limit)) {
      best = point.threads == 3 ? std::max(best, point.per_second) : best;
      if (point.instruction == kernel.instruction) {
        const auto operations =
            static_cast<double>(kernel.operations_per_iteration * kernel.iterations_per_pass);
        EXPECT_NEAR(point.per_second / (operations * point.threads / 1e-3), 1, 1e-9) << point.instruction;
      }
    }
    const auto ceiling = kernel.limit == Limit::bf16_dot ? measured.bf16_dot_flops_per_second
                                                         : measured.int8_dot_ops_per_second;
    EXPECT_EQ(ceiling, best) << kernel.instruction;
  }
  EXPECT_EQ(points_of(measured, Limit::bf16_dot).size() + points_of(measured, Limit::int8_dot).size(),
            n_dots);
  EXPECT_EQ(measured.bf16_dot_flops_per_second.has_value(), !points_of(measured, Limit::bf16_dot).empty());
  EXPECT_EQ(measured.int8_dot_ops_per_second.has_value(), !points_of(measured, Limit::int8_dot).empty());
}

TEST(MeasureRoofline, AClockThatStandsStillStillGivesFinitePositiveFigures) {
  FakeClock clock;
  const Roofline measured =
      measure_roofline(1, clock, {.buffer_bytes = 4096, .read_seconds = 0, .arithmetic_seconds = 0});
  EXPECT_GE(measured.points.size(), 3U);
  for (const RooflinePoint& point : measured.points) {
    EXPECT_EQ(point.threads, 1);
    EXPECT_GT(point.per_second, 0) << point.instruction;
    EXPECT_TRUE(std::isfinite(point.per_second)) << point.instruction;
  }
}

TEST(MeasureRoofline, RepeatsPassesForTheTimeAskedFor) {
  // 1 ms a reading: 50 ms of each read, in two kinds of pages, and 20 ms of each instruction cannot be done
  // in fewer readings than that.
  FakeClock clock(1e-3);
  (void)measure_roofline(1, clock, {.buffer_bytes = 4096, .read_seconds = 0.05, .arithmetic_seconds = 0.02});
  const double least = 2 * 0.05 + 0.02 * static_cast<double>(1 + detail::supported_dot_kernels().size());
  EXPECT_GE(clock.now(), least);
  EXPECT_LT(clock.now(), 1.4 * least);
}

Roofline with_points() {
  Roofline roofline{20, 400, 800, 1600};
  roofline.points = {{Limit::read, 1, 9, "load", PageSize::small, 0.0},
                     {Limit::read, 1, 11, "load", PageSize::huge, 1.0},
                     {Limit::read, 4, 20, "load", PageSize::huge, 1.0},
                     {Limit::f32_fma, 1, 100, "fma"},
                     {Limit::f32_fma, 4, 400, "fma"},
                     {Limit::int8_dot, 1, 300, "vector"},
                     {Limit::int8_dot, 1, 250, "tile"}};
  return roofline;
}

TEST(RooflineFor, TakesTheHighestPointsOfThatManyThreads) {
  const Roofline one = roofline_for(with_points(), 1);
  EXPECT_EQ(one.read_bytes_per_second, 11);
  EXPECT_EQ(one.f32_flops_per_second, 100);
  EXPECT_FALSE(one.bf16_dot_flops_per_second.has_value());
  EXPECT_EQ(one.int8_dot_ops_per_second, 300);
  EXPECT_EQ(one.points.size(), 7U);
}

TEST(RooflineFor, KeepsTheCeilingsWhereNothingWasMeasuredWithThatMany) {
  for (const Roofline& roofline : {with_points(), Roofline{20, 400, 800, 1600}}) {
    const Roofline two = roofline_for(roofline, 2);
    EXPECT_EQ(two.read_bytes_per_second, 20);
    EXPECT_EQ(two.f32_flops_per_second, 400);
    EXPECT_EQ(two.bf16_dot_flops_per_second, 800);
    EXPECT_EQ(two.int8_dot_ops_per_second, 1600);
  }
}

}  // namespace
}  // namespace reprise::harness
