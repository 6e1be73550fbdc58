#include "harness/clock/fixed_work.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/clock/roofline_kernels.h"

namespace reprise::harness {
namespace {

using detail::kWordsPerStep;

/// About a millisecond of multiply-adds a thread.
constexpr std::int64_t kIterations = 80'000;

}  // namespace

FixedWork::FixedWork(int threads, std::size_t bytes) : team_(threads), buffer_(bytes, PageSize::huge) {
  const std::span<std::uint64_t> words = buffer_.words();
  team_.run([&](int member) {
    const std::span<std::uint64_t> part = detail::part_of(words, member, team_.size());
    std::fill(part.begin(), part.end(), 1);
  });
}

void FixedWork::run() {
  const detail::RooflineKernels kernels = detail::supported_roofline_kernels().back();
  const std::span<std::uint64_t> words = buffer_.words();
  std::vector<double> results(static_cast<std::size_t>(team_.size()));
  team_.run([&](int member) {
    const auto sum = kernels.sum(detail::part_of(words, member, team_.size()));
    results[static_cast<std::size_t>(member)] = static_cast<double>(sum);
  });
  team_.run([&](int member) {
    results[static_cast<std::size_t>(member)] += kernels.multiply_add(kIterations, 0.5F, 0.5F);
  });
  for (const double result : results) {
    checksum_ += result;
  }
}

}  // namespace reprise::harness
