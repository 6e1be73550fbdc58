#include "harness/clock/hardware_counters.h"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>

#include "engine/core/check.h"

namespace reprise::harness {
namespace {

constexpr std::array kHardware = {CounterEvent{PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
                                  CounterEvent{PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
                                  CounterEvent{PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES}};

/// What read(2) gives of a counter.
struct Reading {
  std::uint64_t value = 0;
  std::uint64_t enabled_ns = 0;
  std::uint64_t running_ns = 0;
};

int open_counter(const CounterEvent& event, int thread) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = event.type;
  attributes.config = event.config;
  attributes.disabled = 1;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  constexpr int kAnyProcessor = -1;
  constexpr int kNoGroup = -1;
  return static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, thread, kAnyProcessor, kNoGroup, PERF_FLAG_FD_CLOEXEC));
}

std::string reason_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "the system does not permit it (perf_event_paranoid, or a container)";
    case ENOENT:
    case EOPNOTSUPP:
    case ENODEV:
      return "this machine does not show its processor's counters, as many virtual ones";
    case ENOSYS:
      return "the kernel has no perf_event";
    default:
      return std::strerror(error);
  }
}

}  // namespace

EventCounters::EventCounters(std::span<const CounterEvent> events) : events_(events.begin(), events.end()) {
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
    open_for(std::stoi(thread.path().filename().string()));
  }
  if (error) {
    why_not_ = "the system does not list this process's threads";
  }
}

EventCounters::~EventCounters() {
  for (const int descriptor : descriptors_) {
    close(descriptor);
  }
}

void EventCounters::open_for(int thread) {
  for (std::size_t i = 0; i < events_.size() && why_not_.empty(); ++i) {
    const int descriptor = open_counter(events_[i], thread);
    if (descriptor >= 0) {
      descriptors_.push_back(descriptor);
    } else if (errno == ESRCH && i == 0) {
      return;  // the thread has just ended
    } else {
      why_not_ = reason_of(errno);
    }
  }
}

void EventCounters::start() {
  for (const int descriptor : descriptors_) {
    ioctl(descriptor, PERF_EVENT_IOC_RESET, 0);
    ioctl(descriptor, PERF_EVENT_IOC_ENABLE, 0);
  }
}

std::optional<std::vector<std::int64_t>> EventCounters::stop() {
  REPRISE_CHECK(why_not_.empty());
  for (const int descriptor : descriptors_) {
    ioctl(descriptor, PERF_EVENT_IOC_DISABLE, 0);
  }
  std::vector<double> counts(events_.size(), 0);
  for (std::size_t i = 0; i < descriptors_.size(); ++i) {
    Reading reading;
    const bool is_whole = read(descriptors_[i], &reading, sizeof reading) == sizeof reading;
    if (!is_whole || (reading.enabled_ns > 0 && reading.running_ns == 0)) {
      return std::nullopt;
    }
    if (reading.running_ns > 0) {  // else the thread slept
      counts[i % events_.size()] += static_cast<double>(reading.value) *
                                    static_cast<double>(reading.enabled_ns) /
                                    static_cast<double>(reading.running_ns);
    }
  }
  std::vector<std::int64_t> rounded;
  for (const double count : counts) {
    rounded.push_back(std::llround(count));
  }
  return rounded;
}

HardwareCounters::HardwareCounters() : counters_(kHardware) {}

std::optional<HardwareCounts> HardwareCounters::stop() {
  const auto counts = counters_.stop();
  return counts ? std::optional(HardwareCounts{counts->at(0), counts->at(1), counts->at(2)}) : std::nullopt;
}

}  // namespace reprise::harness
