#include "harness/clock/run_conditions.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "harness/tests/support/fake_clock.h"

namespace reprise::harness {
namespace {

namespace fs = std::filesystem;

TEST(ParseClockHz, IsInKilohertz) {
  EXPECT_EQ(parse_clock_hz("2600000\n"), 2.6e9);
  EXPECT_EQ(parse_clock_hz("800000"), 8e8);
  for (const char* other :
       {"", "\n", "<unknown>\n", "0\n", "-5\n", "2600000 kHz", "1e6", "2.6", "99999999999999999999"}) {
    EXPECT_FALSE(parse_clock_hz(other).has_value()) << other;
  }
}

TEST(StealSeconds, AreTicksBetweenReadings) {
  EXPECT_EQ(steal_seconds(ProcessorTime{1000, 39}, ProcessorTime{1400, 139}, 100), 1.0);
  EXPECT_EQ(steal_seconds(ProcessorTime{1000, 39}, ProcessorTime{1400, 139}, 1000), 0.1);
  EXPECT_EQ(steal_seconds(ProcessorTime{1000, 39}, ProcessorTime{1400, 38}, 100),
            0.0);  // some kernels correct it
  EXPECT_FALSE(steal_seconds({}, ProcessorTime{1000, 39}, 100).has_value());
  EXPECT_FALSE(steal_seconds(ProcessorTime{1000, 39}, {}, 100).has_value());
}

/// A watch over files of our own.
class RunWatchTest : public testing::Test {
 protected:
  RunWatchTest() {
    std::string pattern = (fs::temp_directory_path() / "reprise-run-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
  }
  ~RunWatchTest() override { fs::remove_all(root_); }

  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void put_steal(int ticks) { put("proc/stat", "cpu  1 1 1 1 1 1 1 " + std::to_string(ticks) + " 0 0\n"); }
  /// Of all processors: the test may run on any.
  void put_clock(const std::string& kilohertz) {
    for (long cpu = 0; cpu < sysconf(_SC_NPROCESSORS_CONF); ++cpu) {
      put("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cpufreq/scaling_cur_freq", kilohertz);
    }
  }

  fs::path root_;
  FakeClock clock_;
};

TEST_F(RunWatchTest, SaysWhatChangedDuringTheRun) {
  RunWatch watch(clock_, root_);
  put_steal(40);
  put_clock("3000000\n");
  watch.start();
  put_steal(40 + static_cast<int>(sysconf(_SC_CLK_TCK)) * 3);
  put_clock("2000000\n");
  clock_.advance(1);
  const RunConditions met = watch.stop();
  EXPECT_EQ(met.steal_seconds, 3.0);
  EXPECT_EQ(met.clock_hz, 2e9);
  EXPECT_EQ(met.clock_hz_change, -1e9);
}

TEST_F(RunWatchTest, WhatCannotBeReadIsAbsent) {
  RunWatch watch(clock_, root_);
  watch.start();
  put_steal(40);
  put_clock("2000000\n");
  clock_.advance(1);
  const RunConditions met = watch.stop();
  EXPECT_FALSE(met.steal_seconds.has_value());
  EXPECT_EQ(met.clock_hz, 2e9);
  EXPECT_FALSE(met.clock_hz_change.has_value());
  RunWatch nowhere(clock_, root_ / "nowhere");
  nowhere.start();
  EXPECT_FALSE(nowhere.stop().clock_hz.has_value());
}

/// Reading files would take longer than many a call: within a tick of the kernel's count it is not repeated.
TEST_F(RunWatchTest, ReadsFilesOnceInTenMilliseconds) {
  RunWatch watch(clock_, root_);
  put_steal(100);
  watch.start();
  put_steal(200);
  clock_.advance(0.009);
  EXPECT_EQ(watch.stop().steal_seconds, 0.0);
  watch.start();
  clock_.advance(0.002);
  EXPECT_EQ(watch.stop().steal_seconds, 100.0 / static_cast<double>(sysconf(_SC_CLK_TCK)));
  watch.start();
  clock_.advance(1);
  EXPECT_EQ(watch.stop().steal_seconds, 0.0);
}

TEST_F(RunWatchTest, CountsThePageFaultsOfTheRunAlone) {
  constexpr std::size_t kPages = 256;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  auto* memory = static_cast<char*>(
      mmap(nullptr, 2 * kPages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  madvise(memory, 2 * kPages * page, MADV_NOHUGEPAGE);
  const auto touch = [&](std::size_t from) {
    for (std::size_t i = from; i < from + kPages; ++i) {
      static_cast<volatile char*>(memory)[i * page] = 1;
    }
  };
  RunWatch watch(clock_, root_);
  touch(0);
  watch.start();
  const RunConditions idle = watch.stop();
  watch.start();
  touch(kPages);
  const RunConditions busy = watch.stop();
  EXPECT_LT(idle.minor_page_faults, static_cast<std::int64_t>(kPages));
  EXPECT_GE(busy.minor_page_faults, static_cast<std::int64_t>(kPages));
  munmap(memory, 2 * kPages * page);
}

TEST_F(RunWatchTest, SleepingIsAVoluntarySwitchOfAnyThread) {
  RunWatch watch(clock_, root_);
  watch.start();
  std::thread([] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }).join();
  EXPECT_GE(watch.stop().voluntary_switches, 1);
  EXPECT_GE(watch.stop().involuntary_switches, 0);
}

TEST(RunWatch, OfThisMachineKnowsStealTime) {
  MonotonicClock clock;
  RunWatch watch(clock);
  watch.start();
  const RunConditions met = watch.stop();
  ASSERT_TRUE(met.steal_seconds.has_value());
  EXPECT_GE(*met.steal_seconds, 0);
}

}  // namespace
}  // namespace reprise::harness
