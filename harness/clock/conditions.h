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

/// What a file does not say is "unknown", 0 or absent.
struct Conditions {
  int processors = 0;                              ///< logical, online
  std::string transparent_huge_pages = "unknown";  ///< always, madvise or never
  std::optional<double> load_average;              ///< processors busy or waited for, over the last minute
  std::optional<double> steal_fraction;  ///< of all processor time that the hypervisor took while measuring
  double timing_spread_fraction = 0;     ///< by timing_spread()
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

/// How far timings of equal work differ: their 5 % and 95 % quantiles, apart, over the median. 0 for fewer
/// than 2, or when no time was seen.
double spread_of(std::span<const Seconds> timings);

/// The spread of 400 timings of arithmetic in registers, a quarter of a millisecond each: nothing of the work
/// differs, so what does is the machine.
double timing_spread(Clock& clock);

}  // namespace reprise::harness
