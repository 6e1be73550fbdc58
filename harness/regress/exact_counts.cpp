#include "harness/regress/exact_counts.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

namespace reprise::harness {
namespace {

using KernelFigure = std::int64_t ChildKernelCount::*;

ComparisonVerdict verdict_of(std::int64_t a, std::int64_t b) {
  if (a == b) {
    return ComparisonVerdict::equivalent;
  }
  return a < b ? ComparisonVerdict::regression : ComparisonVerdict::improvement;
}

CountChange change_of(std::string_view metric, std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
  CountChange change{std::string(metric), a, b, std::nullopt, {}};
  if (a && b) {
    change.verdict = verdict_of(*a, *b);
  }
  return change;
}

std::vector<KernelCountChange> kernel_changes(const ChildCounts& a, const ChildCounts& b,
                                              KernelFigure figure) {
  std::map<std::pair<std::string, std::string>, std::pair<std::int64_t, std::int64_t>> by_kernel;
  for (const ChildKernelCount& kernel : a.kernels) {
    by_kernel[{kernel.phase, kernel.name}].first += kernel.*figure;
  }
  for (const ChildKernelCount& kernel : b.kernels) {
    by_kernel[{kernel.phase, kernel.name}].second += kernel.*figure;
  }
  std::vector<KernelCountChange> changes;
  for (const auto& [kernel, counts] : by_kernel) {
    if (counts.first != counts.second) {
      changes.push_back({kernel.first, kernel.second, counts.first, counts.second});
    }
  }
  std::stable_sort(changes.begin(), changes.end(),
                   [](const auto& x, const auto& y) { return std::abs(x.b - x.a) > std::abs(y.b - y.a); });
  return changes;
}

CountChange kernel_change(std::string_view metric, const ChildCounts& a, const ChildCounts& b,
                          KernelFigure figure) {
  const auto sum = [&](const ChildCounts& counts) {
    std::int64_t total = 0;
    for (const ChildKernelCount& kernel : counts.kernels) {
      total += kernel.*figure;
    }
    return total;
  };
  CountChange change = change_of(metric, sum(a), sum(b));
  change.kernels = kernel_changes(a, b, figure);
  return change;
}

}  // namespace

std::vector<CountChange> count_changes(const ChildCounts& a, const ChildCounts& b) {
  return {kernel_change(kKernelCalls, a, b, &ChildKernelCount::calls),
          kernel_change(kKernelBytes, a, b, &ChildKernelCount::bytes),
          kernel_change(kKernelFlops, a, b, &ChildKernelCount::flops),
          change_of(kAllocations, a.allocations, b.allocations),
          change_of(kPeakKvBytes, a.peak_kv_bytes, b.peak_kv_bytes),
          change_of(kWeightsBytes, a.weights_bytes, b.weights_bytes)};
}

}  // namespace reprise::harness
