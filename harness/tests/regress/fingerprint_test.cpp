#include "harness/regress/fingerprint.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace reprise::harness {
namespace {

constexpr std::int64_t kGib = std::int64_t{1} << 30;

Machine machine() {
  Machine machine;
  machine.cpu = "Fake CPU 9000";
  machine.isa = "avx512";
  machine.cores = 8;
  machine.memory_bytes = 31 * kGib + 12345;
  machine.os = "Debian GNU/Linux 12 (bookworm), Linux 6.1.0";
  machine.gpus = {"gfx942", "H200"};
  return machine;
}

TEST(MachineFingerprint, IsStable) {
  // Histories hold it: another value here would start every series anew.
  EXPECT_EQ(machine_fingerprint(machine()), "877ad3413986c4b3");
  EXPECT_EQ(machine_fingerprint("ci-runner-3").size(), 16U);
  EXPECT_NE(machine_fingerprint("ci-runner-3"), machine_fingerprint("ci-runner-4"));
}

TEST(MachineFingerprint, ChangesWithWhatDecidesSpeed) {
  const std::vector<std::function<void(Machine&)>> changes = {
      [](Machine& m) { m.cpu = "Fake CPU 9001"; }, [](Machine& m) { m.isa = "avx2"; },
      [](Machine& m) { m.cores = 7; }, [](Machine& m) { m.memory_bytes = 33 * kGib; },
      [](Machine& m) { m.os = "Ubuntu 22.04, Linux 6.1.0"; }, [](Machine& m) { m.gpus.pop_back(); },
      [](Machine& m) { m.gpus[1] = "H100"; },
      // Values that run into each other are still two values.
      [](Machine& m) { m.gpus = {"gfx942,H200"}; }, [](Machine& m) { m.cpu += "\",\"avx512"; }};
  std::set<std::string> seen = {machine_fingerprint(machine())};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Machine other = machine();
    changes[i](other);
    EXPECT_TRUE(seen.insert(machine_fingerprint(other)).second) << i;
  }
}

TEST(MachineFingerprint, StaysWithWhatDoesNot) {
  const std::vector<std::function<void(Machine&)>> changes = {
      [](Machine& m) { m.memory_bytes = 32 * kGib; },  // as installed, and what another kernel leaves of it
      [](Machine& m) { m.memory_bytes = 31 * kGib + 1; },
      [](Machine& m) { m.os = "Debian GNU/Linux 13 (trixie), Linux 6.12.3"; },
      [](Machine& m) { m.governor = "performance"; },
      [](Machine& m) { m.virtualized = true; },
      [](Machine& m) { m.roofline = Roofline{}; },
      [](Machine& m) {
        m.gpus = {"H200", "gfx942"};
      }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Machine other = machine();
    changes[i](other);
    EXPECT_EQ(machine_fingerprint(other), machine_fingerprint(machine())) << i;
  }
}

TEST(MachineFingerprint, TakesAnyBytes) {
  Machine odd;
  odd.cpu = "\xff\xfe";
  odd.memory_bytes = INT64_MAX;
  EXPECT_EQ(machine_fingerprint(odd).size(), 16U);
}

TEST(MachineDescription, IsALineForPeople) {
  EXPECT_EQ(machine_description(machine()),
            "Fake CPU 9000, avx512, 8 cores, 32 GiB, Debian GNU/Linux, H200, gfx942");
}

TEST(OsKind, HasNoVersions) {
  EXPECT_EQ(os_kind("Debian GNU/Linux 12 (bookworm), Linux 6.1.0"), "Debian GNU/Linux");
  EXPECT_EQ(os_kind("Ubuntu 22.04.3 LTS, Linux 5.15.0"), "Ubuntu");
  EXPECT_EQ(os_kind("Arch Linux, Linux 6.9.1-arch1"), "Arch Linux");
  EXPECT_EQ(os_kind("Linux 6.1.0"), "Linux");
  EXPECT_EQ(os_kind("unknown"), "unknown");
  EXPECT_EQ(os_kind(""), "unknown");
  EXPECT_EQ(os_kind("12"), "unknown");
}

}  // namespace
}  // namespace reprise::harness
