/// The measured roofline: how fast this machine reads memory and multiplies, now, with as many threads as a
/// placement uses. A kernel's share of it says how much is left to gain (Williams, Waterman & Patterson 2009,
/// "Roofline", CACM 52(4)). Not a data sheet: a virtual machine's neighbours lower it, so it is measured
/// beside what it is compared with. Used by tools/cli for bench, profile and doctor.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "harness/clock/clock.h"
#include "harness/clock/machine.h"

namespace reprise::harness {

struct RooflinePoint {
  int threads = 0;
  double read_bytes_per_second = 0;  ///< best pass over a buffer several times the last-level cache
  double f32_flops_per_second = 0;  ///< best pass of independent fused multiply-adds, each counted as 2 flops
};

struct RooflineMeasurement {
  std::string isa;                    ///< the instruction set the loops were written for
  std::vector<RooflinePoint> points;  ///< 1 thread, and all of them when there are more

  /// The ceilings with all threads.
  [[nodiscard]] Roofline ceilings() const;
};

struct RooflineOptions {
  std::size_t buffer_bytes =
      0;  ///< read in one pass by all threads together; 0: four times the L3, within limits
  Seconds read_seconds = 0.25;  ///< passes are repeated this long, at least 3 of them, at each thread count
  Seconds flops_seconds = 0.1;
};

/// Takes about a second with the default options.
/// Errors: Error out_of_memory when the buffer cannot be had. `threads` is at least 1.
RooflineMeasurement measure_roofline(int threads, Clock& clock, const RooflineOptions& options = {});

/// The same on the monotonic clock.
RooflineMeasurement measure_roofline(int threads);

}  // namespace reprise::harness
