// Which instruction sets there are, and what is said of those there are not.
#include "engine/kernels/cpu/cpu_kernels.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "engine/core/error.h"
#include "engine/kernels/reference/reference.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine::kernels {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

using reprise::testing::error_of;

#if defined(__linux__) && defined(__x86_64__)
std::set<std::string> cpu_flags() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("flags")) {
      std::istringstream words(line.substr(line.find(':') + 1));
      return {std::istream_iterator<std::string>(words), {}};
    }
  }
  return {};
}

/// Whether Linux gives this process tile registers when it asks: ARCH_REQ_XCOMP_PERM of XFEATURE_XTILEDATA.
bool tiles_are_granted() { return syscall(SYS_arch_prctl, 0x1023, 18) == 0; }

TEST(CpuKernels, AvailableIsasAreThoseOfProcCpuinfo) {
  const std::set<std::string> flags = cpu_flags();
  if (flags.empty()) {
    GTEST_SKIP() << "/proc/cpuinfo names no flags here";
  }
  const auto has_all = [&](std::initializer_list<const char*> names) {
    return std::all_of(names.begin(), names.end(), [&](const char* name) { return flags.contains(name); });
  };
  std::vector<std::string_view> expected = {"scalar"};
  if (has_all({"avx2", "fma", "f16c"})) {
    expected.emplace_back("avx2");
    if (has_all({"avx512f", "avx512bw", "avx512vl", "avx512dq"})) {
      expected.emplace_back("avx512");
      if (flags.contains("avx512_vnni")) {
        expected.emplace_back("avx512_vnni");
        if (has_all({"amx_tile", "amx_int8"}) && tiles_are_granted()) {
          expected.emplace_back("amx");
        }
      }
    }
  }
  EXPECT_THAT(available_isas(), ElementsAreArray(expected));
}
#elif defined(__aarch64__)
TEST(CpuKernels, EveryAarch64HasNeon) {
  EXPECT_THAT(available_isas(), ElementsAre("scalar", "neon"));
}
#endif

TEST(CpuKernels, EveryAvailableIsaGivesItsOwnTable) {
  std::set<const KernelTable*> tables;
  for (const std::string_view isa : available_isas()) {
    EXPECT_EQ(cpu_kernels(isa).isa, isa);
    tables.insert(&cpu_kernels(isa));
  }
  EXPECT_EQ(tables.size(), available_isas().size());
  EXPECT_EQ(available_isas().front(), "scalar");
  EXPECT_EQ(&cpu_kernels("auto"), &cpu_kernels(available_isas().back()));
  EXPECT_NE(&cpu_kernels("scalar"), &reference_kernels());
  RecordProperty("isas", fmt::format("{}", fmt::join(available_isas(), ",")));
}

TEST(CpuKernels, RefusesWordsThatAreNoIsa) {
  const Error error = error_of([] { cpu_kernels("nonsense"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  EXPECT_STREQ(error.what(), "isa: expected one of auto, scalar, avx2, avx512, avx512_vnni, amx, neon, found nonsense");
}

TEST(CpuKernels, RefusesAnIsaOfAnotherMachine) {
#if defined(__x86_64__)
  const char* foreign = "neon";
#else
  const char* foreign = "avx512";
#endif
  const Error error = error_of([&] { cpu_kernels(foreign); });
  EXPECT_EQ(error.code(), ErrorCode::unsupported);
  EXPECT_THAT(error.what(), HasSubstr("isa: expected one that this machine has (scalar"));
  EXPECT_THAT(error.what(), HasSubstr(std::string("found ") + foreign));
}

}  // namespace
}  // namespace reprise::engine::kernels
