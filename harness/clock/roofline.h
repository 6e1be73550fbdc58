/// The measured roofline: how fast this machine reads memory and does arithmetic, now, with as many threads
/// as a placement uses. A kernel's share of it says how much is left to gain (Williams, Waterman & Patterson
/// 2009, "Roofline", CACM 52(4)). Not a data sheet: a virtual machine's neighbours lower it, so it is
/// measured beside what it is compared with. Used by tools/cli for bench, profile and doctor, and by
/// tools/bench.
#pragma once

#include <cstddef>
#include <string_view>

#include "harness/clock/clock.h"
#include "harness/clock/machine.h"

namespace reprise::harness {

struct RooflineOptions {
  std::size_t buffer_bytes =
      0;  ///< read in one pass by all threads together; 0: four times the L3, within limits
  /// Passes are repeated this long, at least 3 of them, for each point; the best one counts.
  Seconds read_seconds = 0.15;
  Seconds arithmetic_seconds = 0.04;
};

/// Measures every limit with one thread and, if that is more, with `threads`: reading in small pages and in
/// huge ones, and arithmetic by each instruction that the processor has for it. Takes one to two seconds with
/// the default options. Errors: Error out_of_memory when the buffer cannot be had. `threads` is at least 1.
Roofline measure_roofline(int threads, Clock& clock, const RooflineOptions& options = {});

/// The same on the monotonic clock.
Roofline measure_roofline(int threads);

/// The ceilings for a placement of so many threads: of the points measured with as many, or those of all
/// threads where there are no such points.
Roofline roofline_for(const Roofline& roofline, int threads);

/// For narrow columns: "read", "f32", "bf16 dot", "int8 dot".
std::string_view label_of(Limit limit);

}  // namespace reprise::harness
