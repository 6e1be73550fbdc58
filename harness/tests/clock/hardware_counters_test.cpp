/// With software events, which every Linux counts; hardware's are the same calls with other numbers.
#include "harness/clock/hardware_counters.h"

#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <sys/mman.h>

#include <array>
#include <barrier>
#include <thread>

namespace reprise::harness {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::array kFaults = {CounterEvent{PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS}};

/// Each page of fresh memory is one fault.
void touch_pages(std::size_t n) {
  void* memory = mmap(nullptr, n * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  madvise(memory, n * kPage, MADV_NOHUGEPAGE);
  for (std::size_t i = 0; i < n; ++i) {
    static_cast<volatile char*>(memory)[i * kPage] = 1;
  }
  munmap(memory, n * kPage);
}

TEST(EventCounters, CountBetweenStartAndStop) {
  EventCounters counters(kFaults);
  if (!counters.why_not().empty()) {
    GTEST_SKIP() << "perf_event: NOT tested here: " << counters.why_not();
  }
  touch_pages(500);  // not counted
  counters.start();
  touch_pages(300);
  const std::int64_t first = counters.stop().value().at(0);
  EXPECT_GE(first, 300);
  EXPECT_LT(first, 400);
  counters.start();  // from zero
  touch_pages(100);
  const std::int64_t second = counters.stop().value().at(0);
  EXPECT_GE(second, 100);
  EXPECT_LT(second, 200);
}

TEST(EventCounters, CountEveryThreadThatIsThere) {
  std::barrier step(2);
  std::thread other([&] {
    step.arrive_and_wait();  // opened
    step.arrive_and_wait();  // started
    touch_pages(300);
    step.arrive_and_wait();
    step.arrive_and_wait();  // stays until it was counted
  });
  {
    EventCounters counters(kFaults);
    step.arrive_and_wait();
    if (counters.why_not().empty()) {
      counters.start();
    }
    step.arrive_and_wait();
    step.arrive_and_wait();
    if (counters.why_not().empty()) {
      EXPECT_GE(counters.stop().value().at(0), 300);
    }
    step.arrive_and_wait();
  }
  other.join();
}

TEST(EventCounters, SayWhyNothingIsCounted) {
  const std::array unknown = {CounterEvent{PERF_TYPE_SOFTWARE, 0xffff}};
  EventCounters counters(unknown);
  EXPECT_NE(counters.why_not(), "");
  counters.start();  // does nothing
}

TEST(HardwareCounters, GiveCountsOrAReason) {
  HardwareCounters counters;
  if (!counters.why_not().empty()) {
    GTEST_SKIP() << "hardware counters: NOT tested here: " << counters.why_not();
  }
  counters.start();
  volatile int work = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    work = work + 1;
  }
  const HardwareCounts counts = counters.stop().value();
  EXPECT_GT(counts.instructions, 1'000'000);
  EXPECT_GT(counts.cycles, 0);
  EXPECT_GT(counts.instructions_per_cycle(), 0);
}

TEST(HardwareCounts, WithoutCyclesThereAreNoInstructionsACycle) {
  EXPECT_EQ(HardwareCounts{}.instructions_per_cycle(), 0);
  EXPECT_EQ((HardwareCounts{100, 250, 3}.instructions_per_cycle()), 2.5);
}

}  // namespace
}  // namespace reprise::harness
