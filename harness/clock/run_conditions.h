/// What one run met on its machine: the causes that a slow run can be put down to. Facts only, read before
/// and after a run and never inside its timed part; who judges them is not here. conditions.h is about a
/// whole measurement instead. Used by replays, which put them into their samples.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "harness/clock/clock.h"
#include "harness/clock/conditions.h"

namespace reprise::harness {

struct RunConditions {
  // Of this process with all its threads, during the run (getrusage(2)).
  std::int64_t minor_page_faults = 0;     ///< served from memory
  std::int64_t major_page_faults = 0;     ///< that had to read from a disk
  std::int64_t voluntary_switches = 0;    ///< a thread waited for something
  std::int64_t involuntary_switches = 0;  ///< the processor was given to somebody else
  // Of the machine: from readings around the run that are up to 10 ms older than its start and its end.
  std::optional<Seconds> steal_seconds = {};  ///< that the hypervisor took, of all processors together
  std::optional<double> clock_hz =
      {};  ///< after the run, of the processor that the caller was on; of cpufreq
  std::optional<double> clock_hz_change = {};  ///< since before the run; negative: it became slower
};

/// The frequency that a scaling_cur_freq file says, which is in kHz; absent when it says none.
std::optional<double> parse_clock_hz(std::string_view text);

/// Of one processor, from /sys under `root`; absent where cpufreq is not offered.
std::optional<double> read_clock_hz(int processor, const std::filesystem::path& root = "/");

/// Absent when either is; never negative.
std::optional<Seconds> steal_seconds(const std::optional<ProcessorTime>& before,
                                     const std::optional<ProcessorTime>& after, long ticks_per_second);

/// Reads the conditions of run after run.
class RunWatch {
 public:
  /// `clock` must outlive the watch; /proc and /sys are those under `root`.
  explicit RunWatch(Clock& clock, std::filesystem::path root = "/");
  RunWatch(const RunWatch&) = delete;
  RunWatch& operator=(const RunWatch&) = delete;

  void start();
  /// Of the run since start().
  RunConditions stop();

 private:
  struct MachineReading {
    Seconds at = 0;
    std::optional<ProcessorTime> time;
    std::optional<double> clock_hz;
  };
  const MachineReading& read_machine();

  Clock& clock_;
  std::filesystem::path root_;
  std::optional<MachineReading> latest_;
  MachineReading machine_before_;
  RunConditions counts_before_;
};

}  // namespace reprise::harness
