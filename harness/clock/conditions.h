/// What else went on while this machine was measured: other programs' load, time that the hypervisor took
/// away, how far timings of equal work differ. Facts only; findings.h judges them. Used by tools/cli for
/// doctor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "harness/clock/clock.h"

namespace reprise::harness {

/// Of the clock that everything is timed with.
struct TimerQuality {
  Seconds resolution_seconds = 0;  ///< the least step between two readings that differ
  Seconds cost_seconds = 0;        ///< of one reading
};

/// What a file does not say is "unknown", 0 or absent.
struct Conditions {
  int processors = 0;                              ///< logical, online
  std::string transparent_huge_pages = "unknown";  ///< always, madvise or never
  std::optional<double> load_average;              ///< processors busy or waited for, over the last minute
  std::optional<double> steal_fraction;  ///< of all processor time that the hypervisor took while measuring
  double timing_spread_fraction = 0;     ///< by timing_spread()
  std::optional<bool> turbo = {};        ///< whether clocks above the nominal one are allowed
  std::string clock_source = "unknown";  ///< that the kernel keeps time by: tsc, kvm-clock, hpet
  std::optional<TimerQuality> timer = {};
  /// How often a processor was slowed for heat or power, and how often this process' control group had used
  /// up its quota of processor time, while measuring.
  std::optional<std::int64_t> heat_throttled = {};
  std::optional<std::int64_t> quota_throttled = {};
  /// By measure/noise_floor.h: how far equal work lay from itself, over how many pairs of runs, and the
  /// slow-down that 60 s of such pairs would show.
  std::optional<double> noise_floor_fraction = {};
  std::optional<std::int64_t> noise_floor_pairs = {};
  std::optional<double> detectable_fraction = {};
};

/// Processor time since the machine started, of all processors together, in ticks.
struct ProcessorTime {
  std::int64_t all = 0;
  std::int64_t stolen = 0;
};

/// From /proc and /sys under `root`, before measuring; the rest is left as it is. Never fails.
Conditions read_conditions(const std::filesystem::path& root = "/");

/// Of the first line of /proc/stat; absent when it is no such line.
std::optional<ProcessorTime> parse_processor_time(std::string_view line);

/// From /proc/stat under `root`; absent when it cannot be read.
std::optional<ProcessorTime> read_processor_time(const std::filesystem::path& root = "/");

/// Absent when either is, or no time passed.
std::optional<double> steal_fraction(const std::optional<ProcessorTime>& before,
                                     const std::optional<ProcessorTime>& after);

/// Since the machine started; absent where the system does not tell.
struct ThrottleCounts {
  std::optional<std::int64_t> heat;   ///< of all processors together
  std::optional<std::int64_t> quota;  ///< of this process' control group
};

/// From /sys and /proc under `root`.
ThrottleCounts read_throttle_counts(const std::filesystem::path& root = "/");

/// Absent when either is.
std::optional<std::int64_t> count_between(const std::optional<std::int64_t>& before,
                                          const std::optional<std::int64_t>& after);

/// Of 20,000 readings in a row.
TimerQuality timer_quality(Clock& clock);

/// How far timings of equal work differ: their 5 % and 95 % quantiles, apart, over the median. 0 for fewer
/// than 2, or when no time was seen.
double spread_of(std::span<const Seconds> timings);

/// The spread of 400 timings of arithmetic in registers, a quarter of a millisecond each: nothing of the work
/// differs, so what does is the machine.
double timing_spread(Clock& clock);

}  // namespace reprise::harness
