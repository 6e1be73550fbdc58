#include "harness/clock/machine.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace reprise::harness {
namespace {

namespace fs = std::filesystem;

/// A made-up root with the files that a test puts there.
class MachineTest : public testing::Test {
 protected:
  MachineTest() {
    std::string pattern = (fs::temp_directory_path() / "reprise-machine-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
  }
  ~MachineTest() override { fs::remove_all(root_); }

  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  fs::path root_;
};

constexpr const char* kTwoSocketsWithSiblings =
    "processor\t: 0\nmodel name\t: Fake CPU 9000\nphysical id\t: 0\ncore id\t\t: 0\n"
    "flags\t\t: fpu avx2 fma f16c avx512f avx512bw avx512dq avx512vl hypervisor\n\n"
    "processor\t: 1\nmodel name\t: Fake CPU 9000\nphysical id\t: 0\ncore id\t\t: 0\n\n"
    "processor\t: 2\nmodel name\t: Fake CPU 9000\nphysical id\t: 1\ncore id\t\t: 0\n\n"
    "processor\t: 3\nmodel name\t: Fake CPU 9000\nphysical id\t: 1\ncore id\t\t: 7\n\n";

TEST_F(MachineTest, ReadsEveryFieldFromItsFile) {
  put("proc/cpuinfo", kTwoSocketsWithSiblings);
  put("proc/meminfo", "MemFree: 5 kB\nMemTotal:       24684100 kB\n");
  put("etc/os-release", "NAME=\"Fake\"\nPRETTY_NAME=\"Fake GNU/Linux 12\"\n");
  put("proc/sys/kernel/ostype", "Linux\n");
  put("proc/sys/kernel/osrelease", "6.1.0-9\n");
  put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
  put("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n");
  put("sys/class/kfd/kfd/topology/nodes/0/gpu_id", "0\n");
  put("sys/class/kfd/kfd/topology/nodes/1/gpu_id", "4711\n");
  put("sys/class/kfd/kfd/topology/nodes/1/name", "gfx942\n");
  put("proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA Fake\nIRQ: 5\n");

  const Machine machine = describe_machine(root_);
  EXPECT_EQ(machine.cpu, "Fake CPU 9000");
  EXPECT_EQ(machine.isa, "avx512");
  EXPECT_EQ(machine.cores, 3);  // four logical processors, two of them siblings
  EXPECT_EQ(machine.memory_bytes, std::int64_t{24684100} * 1024);
  EXPECT_EQ(machine.os, "Fake GNU/Linux 12, Linux 6.1.0-9");
  EXPECT_TRUE(machine.virtualized);
  EXPECT_EQ(machine.governor, "performance");
  EXPECT_EQ(machine.gpus, (std::vector<std::string>{"gfx942", "NVIDIA Fake"}));
  EXPECT_FALSE(machine.roofline.has_value());
}

TEST_F(MachineTest, SaysUnknownWhereNothingCanBeRead) {
  const Machine machine = describe_machine(root_ / "nowhere");
  EXPECT_EQ(machine.cpu, "unknown");
  EXPECT_EQ(machine.isa, "scalar");
  EXPECT_EQ(machine.cores, 0);
  EXPECT_EQ(machine.memory_bytes, 0);
  EXPECT_EQ(machine.os, "unknown");
  EXPECT_FALSE(machine.virtualized);
  EXPECT_EQ(machine.governor, "unknown");
  EXPECT_TRUE(machine.gpus.empty());
}

TEST_F(MachineTest, GovernorsThatDifferAreMixed) {
  put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
  put("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n");
  EXPECT_EQ(describe_machine(root_).governor, "mixed");
}

TEST_F(MachineTest, AnArmListNamesNoCoresAndItsFeaturesDifferently) {
  put("proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n\nprocessor\t: 1\nFeatures\t: fp asimd\n");
  const Machine machine = describe_machine(root_);
  EXPECT_EQ(machine.isa, "neon");
  EXPECT_EQ(machine.cores, 2);
}

TEST_F(MachineTest, WideRegistersWithoutTheRestOfTheSetAreNotEnough) {
  put("proc/cpuinfo", "processor\t: 0\nflags\t: avx2 fma f16c avx512f\n");
  EXPECT_EQ(describe_machine(root_).isa, "avx2");
}

TEST_F(MachineTest, ByteProductsAndTilesAreInstructionSetsOfTheirOwn) {
  const std::string wide = "processor\t: 0\nflags\t: avx2 fma f16c avx512f avx512bw avx512dq avx512vl";
  put("proc/cpuinfo", wide + " avx512_vnni\n");
  EXPECT_EQ(describe_machine(root_).isa, "avx512_vnni");
  put("proc/cpuinfo", wide + " avx512_vnni amx_tile\n");
  EXPECT_EQ(describe_machine(root_).isa, "avx512_vnni");
  put("proc/cpuinfo", wide + " avx512_vnni amx_tile amx_int8\n");
  EXPECT_EQ(describe_machine(root_).isa, "amx");
}

TEST_F(MachineTest, MalformedMemoryIsUnknown) {
  put("proc/meminfo", "MemTotal: lots\n");
  EXPECT_EQ(describe_machine(root_).memory_bytes, 0);
}

TEST(Machine, ThisOneHasProcessorsAndMemory) {
  const Machine machine = describe_machine();
  EXPECT_GE(machine.cores, 1);
  EXPECT_GT(machine.memory_bytes, 0);
  EXPECT_NE(machine.os, "unknown");
}

}  // namespace
}  // namespace reprise::harness
