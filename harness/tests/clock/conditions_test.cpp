#include "harness/clock/conditions.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "harness/tests/support/fake_clock.h"

namespace reprise::harness {
namespace {

namespace fs = std::filesystem;

class ConditionsTest : public testing::Test {
 protected:
  ConditionsTest() {
    std::string pattern = (fs::temp_directory_path() / "reprise-conditions-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
  }
  ~ConditionsTest() override { fs::remove_all(root_); }

  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  fs::path root_;
};

TEST_F(ConditionsTest, ReadsEveryFieldFromItsFile) {
  put("proc/cpuinfo", "processor\t: 0\ncore id\t: 0\n\nprocessor\t: 1\ncore id\t: 0\n");
  put("proc/loadavg", "1.25 0.80 0.10 1/80 4711\n");
  put("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  const Conditions conditions = read_conditions(root_);
  EXPECT_EQ(conditions.processors, 2);
  EXPECT_EQ(conditions.load_average, 1.25);
  EXPECT_EQ(conditions.transparent_huge_pages, "madvise");
  EXPECT_FALSE(conditions.steal_fraction.has_value());
}

TEST_F(ConditionsTest, SaysUnknownWhereNothingCanBeRead) {
  const Conditions conditions = read_conditions(root_);
  EXPECT_EQ(conditions.processors, 0);
  EXPECT_FALSE(conditions.load_average.has_value());
  EXPECT_EQ(conditions.transparent_huge_pages, "unknown");
  EXPECT_FALSE(read_processor_time(root_).has_value());
  put("proc/loadavg", "busy\n");
  put("sys/kernel/mm/transparent_hugepage/enabled", "always\n");
  EXPECT_FALSE(read_conditions(root_).load_average.has_value());
  EXPECT_EQ(read_conditions(root_).transparent_huge_pages, "unknown");
}

TEST_F(ConditionsTest, TurboIsWhatEitherDriverSays) {
  EXPECT_FALSE(read_conditions(root_).turbo.has_value());
  put("sys/devices/system/cpu/cpufreq/boost", "1\n");
  EXPECT_EQ(read_conditions(root_).turbo, true);
  put("sys/devices/system/cpu/cpufreq/boost", "0\n");
  EXPECT_EQ(read_conditions(root_).turbo, false);
  put("sys/devices/system/cpu/intel_pstate/no_turbo", "0\n");
  EXPECT_EQ(read_conditions(root_).turbo, true);
  put("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
  EXPECT_EQ(read_conditions(root_).turbo, false);
  put("sys/devices/system/cpu/intel_pstate/no_turbo", "maybe\n");
  put("sys/devices/system/cpu/cpufreq/boost", "");
  EXPECT_FALSE(read_conditions(root_).turbo.has_value());
}

TEST_F(ConditionsTest, TheKernelNamesItsClockSource) {
  EXPECT_EQ(read_conditions(root_).clock_source, "unknown");
  put("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
  EXPECT_EQ(read_conditions(root_).clock_source, "hpet");
}

TEST_F(ConditionsTest, HeatThrottlingIsOfAllProcessors) {
  EXPECT_FALSE(read_throttle_counts(root_).heat.has_value());
  put("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "2\n");
  put("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "30\n");
  put("sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "500\n");
  put("sys/devices/system/cpu/cpu2/thermal_throttle/core_throttle_count", "often\n");
  EXPECT_EQ(read_throttle_counts(root_).heat, 532);
}

TEST_F(ConditionsTest, QuotaIsOfThisProcessControlGroup) {
  EXPECT_FALSE(read_throttle_counts(root_).quota.has_value());
  put("sys/fs/cgroup/cpu/cpu.stat", "nr_periods 9\nnr_throttled 4\n");  // version 1
  EXPECT_EQ(read_throttle_counts(root_).quota, 4);
  put("proc/self/cgroup", "0::/ci/job\n");
  put("sys/fs/cgroup/ci/job/cpu.stat", "usage_usec 1\nuser_usec 1\nnr_periods 9\nnr_throttled 7\n");
  EXPECT_EQ(read_throttle_counts(root_).quota, 7);
  put("proc/self/cgroup", "0::/\n");
  put("sys/fs/cgroup/cpu.stat", "usage_usec 1\nnr_throttled 8\n");
  EXPECT_EQ(read_throttle_counts(root_).quota, 8);
  put("sys/fs/cgroup/cpu.stat", "usage_usec much\nnr_throttled 8\n");
  put("sys/fs/cgroup/cpu/cpu.stat", "");
  EXPECT_FALSE(read_throttle_counts(root_).quota.has_value());
}

TEST(CountBetween, NeedsBothAndNeverGoesBack) {
  EXPECT_EQ(count_between(3, 5), 2);
  EXPECT_EQ(count_between(5, 3), 0);
  EXPECT_FALSE(count_between({}, 3).has_value());
  EXPECT_FALSE(count_between(3, {}).has_value());
}

TEST(TimerQualityTest, IsWhatTheReadingsShow) {
  FakeClock fine(0x1p-20);
  EXPECT_DOUBLE_EQ(timer_quality(fine).cost_seconds, 0x1p-20);
  EXPECT_DOUBLE_EQ(timer_quality(fine).resolution_seconds, 0x1p-20);
  FakeClock still;
  EXPECT_EQ(timer_quality(still).resolution_seconds, 0);
  EXPECT_EQ(timer_quality(still).cost_seconds, 0);
}

TEST_F(ConditionsTest, StolenTimeIsTheEighthFieldAndGuestsAreNotCountedTwice) {
  put("proc/stat", "cpu  100 20 30 800 5 0 6 39 77 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
  const auto time = read_processor_time(root_);
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(time->all, 1000);
  EXPECT_EQ(time->stolen, 39);
  for (const char* malformed : {"cpu  1 2 3\n", "cpu  1 2 3 4 x 6 7 8\n", "cpu0 1 2 3 4 5 6 7 8\n", ""}) {
    put("proc/stat", malformed);
    EXPECT_FALSE(read_processor_time(root_).has_value()) << malformed;
  }
}

TEST(ParseProcessorTime, TakesTheLineOfAllProcessorsAlone) {
  EXPECT_EQ(parse_processor_time("cpu  1 2 3 4 5 6 7 8 0 0")->all, 36);
  EXPECT_EQ(parse_processor_time("cpu  1 2 3 4 5 6 7 8")->stolen, 8);
  for (const char* other : {"", "cpu", "cpu ", "cpu1 1 2 3 4 5 6 7 8", "intr 1 2 3 4 5 6 7 8",
                            "cpu  1 2 3 4 5 6 7", "cpu  1 2 3 4 5 6 7 99999999999999999999"}) {
    EXPECT_FALSE(parse_processor_time(other).has_value()) << other;
  }
}

TEST(StealFraction, IsOfTheTimeBetween) {
  EXPECT_EQ(steal_fraction(ProcessorTime{1000, 39}, ProcessorTime{1400, 139}), 0.25);
  EXPECT_EQ(steal_fraction(ProcessorTime{1000, 39}, ProcessorTime{1400, 38}), 0);  // some kernels correct it
  EXPECT_FALSE(steal_fraction(ProcessorTime{1000, 39}, ProcessorTime{1000, 39}).has_value());
  EXPECT_FALSE(steal_fraction({}, ProcessorTime{1000, 39}).has_value());
  EXPECT_FALSE(steal_fraction(ProcessorTime{1000, 39}, {}).has_value());
}

TEST(SpreadOf, IsBetweenTheTailsOverTheMedian) {
  std::vector<Seconds> timings;
  for (int i = 1; i <= 99; ++i) {
    timings.push_back(i);
  }
  // Four of 99 lie beyond on either side: from 5 to 95, around 50.
  EXPECT_DOUBLE_EQ(spread_of(timings), (95.0 - 5.0) / 50);
  timings.assign(100, 2);
  timings[7] = 1000;  // one timing of a hundred is no spread
  EXPECT_EQ(spread_of(timings), 0);
  EXPECT_EQ(spread_of({}), 0);
  EXPECT_EQ(spread_of(std::vector<Seconds>{3}), 0);
  EXPECT_EQ(spread_of(std::vector<Seconds>{0, 0, 0}), 0);
}

/// Every other interval is twice as long.
class LimpingClock final : public Clock {
 public:
  Seconds now() override {
    time_ += (++readings_ / 2) % 2 == 0 ? 1 : 2;
    return time_;
  }

 private:
  int readings_ = 0;
  Seconds time_ = 0;
};

TEST(TimingSpread, SeesWhatTheClockSees) {
  FakeClock steady(1e-3);
  EXPECT_NEAR(timing_spread(steady), 0, 1e-9);
  LimpingClock limping;
  EXPECT_EQ(timing_spread(limping), 0.5);
}

TEST(Conditions, OfThisMachineAreKnown) {
  EXPECT_GE(read_conditions().processors, 1);
  EXPECT_GT(read_processor_time()->all, 0);
  MonotonicClock clock;
  EXPECT_GT(timer_quality(clock).cost_seconds, 0);
}

}  // namespace
}  // namespace reprise::harness
