#include "harness/clock/dot_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace reprise::harness::detail {
namespace {

/// What they return is what they multiplied, so it proves the operations that rates are computed from.
TEST(DotKernels, EveryInstructionDoesTheOperationsItIsCountedWith) {
  for (const DotKernel& kernel : supported_dot_kernels()) {
    SCOPED_TRACE(kernel.instruction);
    const auto products = static_cast<double>(kernel.operations_per_iteration) / 2;
    EXPECT_EQ(kernel.run(0, 1, 1), 0);
    EXPECT_EQ(kernel.run(1, 1, 1), products);
    EXPECT_EQ(kernel.run(5, 3, 7), 5 * products * 21);
    EXPECT_EQ(kernel.run(kernel.iterations_per_pass, 1, 2),
              static_cast<double>(kernel.iterations_per_pass) * products * 2);
  }
}

TEST(DotKernels, SmallIntegersAreExactInBf16) {
  EXPECT_EQ(bf16_bits(1), 0x3f80);
  EXPECT_EQ(bf16_bits(2), 0x4000);
  EXPECT_EQ(bf16_bits(7), 0x40e0);
}

#if defined(__x86_64__)
/// The kernel's own list of what the processor has, which we do not ask elsewhere.
std::set<std::string> processor_flags() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("flags")) {
      std::istringstream words(line);
      return {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
    }
  }
  return {};
}

TEST(DotKernels, EveryInstructionOfThisProcessorIsThere) {
  std::set<std::string> found;
  for (const DotKernel& kernel : supported_dot_kernels()) {
    EXPECT_TRUE(found.emplace(kernel.instruction).second) << kernel.instruction << " twice";
    EXPECT_EQ(kernel.limit == Limit::bf16_dot, kernel.instruction.find("BF16") != std::string_view::npos);
  }
  const std::set<std::string> flags = processor_flags();
  EXPECT_EQ(found.contains("VDPBF16PS zmm"), flags.contains("avx512_bf16"));
  EXPECT_EQ(found.contains("VPDPBUSD zmm"), flags.contains("avx512_vnni"));
  EXPECT_EQ(found.contains("VPDPBUSD ymm"), flags.contains("avx_vnni") && !flags.contains("avx512_vnni"));
  const bool integers = found.contains("VPDPBUSD zmm") || found.contains("VPDPBUSD ymm");
  EXPECT_EQ(found.contains("VPMADDUBSW ymm"), flags.contains("avx2") && !integers);
  // A kernel may refuse tiles that the processor has, but none invents them.
  EXPECT_LE(found.contains("TDPBUSD"), flags.contains("amx_int8"));
  EXPECT_LE(found.contains("TDPBF16PS"), flags.contains("amx_bf16"));
}
#endif

}  // namespace
}  // namespace reprise::harness::detail
