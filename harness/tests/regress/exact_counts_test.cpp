#include "harness/regress/exact_counts.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <utility>

#include "harness/tests/support/sample_gate.h"

namespace reprise::harness {
namespace {

CountChange named(const std::vector<CountChange>& changes, std::string_view metric) {
  for (const CountChange& change : changes) {
    if (change.metric == metric) {
      return change;
    }
  }
  throw std::out_of_range(std::string(metric));
}

TEST(CountChanges, EqualCountsAreEquivalent) {
  const std::vector<CountChange> changes = count_changes(fixed_counts(), fixed_counts());
  ASSERT_EQ(changes.size(), std::size(kExactMetrics));
  for (std::size_t i = 0; i < changes.size(); ++i) {
    EXPECT_EQ(changes[i].metric, kExactMetrics[i]);
    EXPECT_EQ(changes[i].verdict, ComparisonVerdict::equivalent) << changes[i].metric;
    EXPECT_EQ(changes[i].a, changes[i].b);
    EXPECT_TRUE(changes[i].kernels.empty());
  }
  EXPECT_EQ(named(changes, kKernelCalls).a, 110);
  EXPECT_EQ(named(changes, kKernelBytes).a, 4400);
  EXPECT_EQ(named(changes, kKernelFlops).a, 14000);
  EXPECT_EQ(named(changes, kAllocations).a, 7);
  EXPECT_EQ(named(changes, kPeakKvBytes).a, 1024);
  EXPECT_EQ(named(changes, kWeightsBytes).a, 4096);
}

/// One more of one count must not be excused by any tolerance, nor show in another count.
TEST(CountChanges, OneMoreIsARegressionAndOneLessAnImprovement) {
  using Change = void (*)(ChildCounts&, std::int64_t);
  const std::pair<std::string_view, Change> cases[] = {
      {kKernelCalls, [](ChildCounts& c, std::int64_t by) { c.kernels[0].calls += by; }},
      {kKernelBytes, [](ChildCounts& c, std::int64_t by) { c.kernels[0].bytes += by; }},
      {kKernelFlops, [](ChildCounts& c, std::int64_t by) { c.kernels[1].flops += by; }},
      {kAllocations, [](ChildCounts& c, std::int64_t by) { *c.allocations += by; }},
      {kPeakKvBytes, [](ChildCounts& c, std::int64_t by) { c.peak_kv_bytes += by; }},
      {kWeightsBytes, [](ChildCounts& c, std::int64_t by) { c.weights_bytes += by; }}};
  for (const auto& [metric, add] : cases) {
    for (const auto& [by, verdict] :
         {std::pair{1, ComparisonVerdict::regression}, std::pair{-1, ComparisonVerdict::improvement}}) {
      ChildCounts changed = fixed_counts();
      add(changed, by);
      for (const CountChange& change : count_changes(fixed_counts(), changed)) {
        EXPECT_EQ(change.verdict, change.metric == metric ? verdict : ComparisonVerdict::equivalent)
            << metric << " by " << by << ": " << change.metric;
      }
    }
  }
}

TEST(CountChanges, NamesTheKernelsThatChangedTheGreatestFirst) {
  ChildCounts changed = fixed_counts();
  changed.kernels[0].calls += 2;
  changed.kernels[1].name = "fused";  // one goes, another comes
  const CountChange calls = named(count_changes(fixed_counts(), changed), kKernelCalls);
  ASSERT_EQ(calls.kernels.size(), 3U);
  EXPECT_EQ(calls.kernels[0].phase, "prefill");
  EXPECT_EQ(calls.kernels[0].name, "fused");
  EXPECT_EQ(calls.kernels[0].a, 0);
  EXPECT_EQ(calls.kernels[0].b, 10);
  EXPECT_EQ(calls.kernels[1].name, "linear");
  EXPECT_EQ(calls.kernels[1].b, 0);
  EXPECT_EQ(calls.kernels[2].phase, "decode");
  EXPECT_EQ(calls.kernels[2].a, 100);
  EXPECT_EQ(calls.kernels[2].b, 102);
}

TEST(CountChanges, PartsThatCancelAreEquivalentAndShown) {
  ChildCounts changed = fixed_counts();
  changed.kernels[0].bytes += 10;
  changed.kernels[1].bytes -= 10;
  const CountChange bytes = named(count_changes(fixed_counts(), changed), kKernelBytes);
  EXPECT_EQ(bytes.verdict, ComparisonVerdict::equivalent);
  EXPECT_EQ(bytes.kernels.size(), 2U);
}

TEST(CountChanges, WhatOneBuildDoesNotCountIsNotCompared) {
  ChildCounts without = fixed_counts();
  without.allocations.reset();
  const CountChange later = named(count_changes(fixed_counts(), without), kAllocations);
  EXPECT_FALSE(later.verdict.has_value());
  EXPECT_EQ(later.a, 7);
  EXPECT_FALSE(later.b.has_value());
  const CountChange earlier = named(count_changes(without, fixed_counts()), kAllocations);
  EXPECT_FALSE(earlier.verdict.has_value());
}

}  // namespace
}  // namespace reprise::harness
