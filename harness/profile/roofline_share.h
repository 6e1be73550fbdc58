/// How near a piece of work came to the machine's measured ceilings. Pure arithmetic. Used by cost_profile.h,
/// and by the benchmarks of kernels in tools/bench.
#pragma once

#include <cstdint>

#include "engine/kernels/cost.h"
#include "harness/clock/clock.h"
#include "harness/clock/machine.h"

namespace reprise::harness {

/// Bytes to move, and operations by what does them. The sum of costs of the engine's cost model.
struct Work {
  std::int64_t bytes = 0;
  std::int64_t f32_flops = 0;
  std::int64_t bf16_dot_flops = 0;
  std::int64_t int8_dot_ops = 0;

  void add(std::int64_t more_bytes, std::int64_t more_flops, engine::Arithmetic arithmetic);
  void add(const Work& more);
};

struct RooflineShare {
  /// Seconds that the ceiling allows over seconds that it took; 0 when no time was seen.
  double fraction = 0;
  Limit limit = Limit::read;  ///< the ceiling that the work is nearest to
};

/// The limit is what would take longest at its ceiling: all bytes at the read bandwidth, or all operations
/// each at their peak. Dot products count at the peak of single precision where theirs was not measured.
RooflineShare roofline_share(const Work& work, Seconds seconds, const Roofline& roofline);

}  // namespace reprise::harness
