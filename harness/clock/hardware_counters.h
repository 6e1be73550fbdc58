/// What the processor itself counts while this process works, by Linux's perf_event. Many machines do not let
/// a process see it: virtual ones, containers, and where perf_event_paranoid is above 2. That is no error.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace reprise::harness {

/// An event of perf_event_open(2): its type and configuration.
struct CounterEvent {
  std::uint32_t type = 0;
  std::uint64_t config = 0;
};

/// Of a piece of work, in user space, all threads together.
struct HardwareCounts {
  std::int64_t cycles = 0;
  std::int64_t instructions = 0;
  std::int64_t cache_misses = 0;  ///< of the last level

  [[nodiscard]] double instructions_per_cycle() const {
    return cycles > 0 ? static_cast<double>(instructions) / static_cast<double>(cycles) : 0;
  }
};

/// Counters of events for every thread that the process has when this is made.
class EventCounters {
 public:
  explicit EventCounters(std::span<const CounterEvent> events);
  ~EventCounters();
  EventCounters(const EventCounters&) = delete;
  EventCounters& operator=(const EventCounters&) = delete;

  /// Why nothing can be counted here; "" where it can.
  [[nodiscard]] const std::string& why_not() const { return why_not_; }

  /// From zero.
  void start();
  /// Stops, and gives the count of each event. Where the processor has fewer counters than events it takes
  /// turns, and counts are scaled to the whole time.
  /// Absent when one had no turn at all.
  std::optional<std::vector<std::int64_t>> stop();

 private:
  void open_for(int thread);

  std::vector<CounterEvent> events_;
  std::vector<int> descriptors_;  // of all events of one thread, then of the next
  std::string why_not_;
};

/// Cycles, instructions and cache misses.
class HardwareCounters {
 public:
  HardwareCounters();

  [[nodiscard]] const std::string& why_not() const { return counters_.why_not(); }
  void start() { counters_.start(); }
  std::optional<HardwareCounts> stop();

 private:
  EventCounters counters_;
};

}  // namespace reprise::harness
