/// What one run does, counted in two builds and compared exactly: kernels, the bytes and operations that they
/// stand for, allocations, memory. Counts do not depend on how fast the machine is, so there is no interval
/// and no tolerance. Pure functions. Used by gate.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/measure/ratio.h"
#include "harness/replay/child_protocol.h"

namespace reprise::harness {

inline constexpr std::string_view kKernelCalls = "kernel_calls";
inline constexpr std::string_view kKernelBytes = "kernel_bytes";
inline constexpr std::string_view kKernelFlops = "kernel_flops";
inline constexpr std::string_view kAllocations = "allocations";
inline constexpr std::string_view kPeakKvBytes = "peak_kv_bytes";
inline constexpr std::string_view kWeightsBytes = "weights_bytes";
inline constexpr std::string_view kExactMetrics[] = {kKernelCalls, kKernelBytes, kKernelFlops,
                                                     kAllocations, kPeakKvBytes, kWeightsBytes};

/// The part of one kernel, in one phase, in a count.
struct KernelCountChange {
  std::string phase;
  std::string name;
  std::int64_t a = 0;  ///< 0 where this build does not call it
  std::int64_t b = 0;
};

/// One count of build a, the one before, and of build b.
struct CountChange {
  std::string metric;
  std::optional<std::int64_t> a;  ///< absent where that build does not count it
  std::optional<std::int64_t> b;
  /// Less is better: regression where b has more, improvement where it has less, else equivalent. Absent
  /// where a count is missing: not compared.
  std::optional<ComparisonVerdict> verdict;
  /// Those whose part differs, the greatest change first; also where parts cancel. Empty for counts that are
  /// not of kernels.
  std::vector<KernelCountChange> kernels;
};

/// One for each of kExactMetrics, in that order.
std::vector<CountChange> count_changes(const ChildCounts& a, const ChildCounts& b);

}  // namespace reprise::harness
