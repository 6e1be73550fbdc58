/// What a machine shows where there is no change: one work against itself, in turns, as two arms are
/// compared. It knows the work only as a Runner. Used by tools/cli for doctor.
#pragma once

#include <cstdint>
#include <optional>

#include "harness/clock/clock.h"
#include "harness/measure/paired.h"
#include "harness/replay/runner.h"

namespace reprise::harness {

struct NoiseFloor {
  /// How far the median of all pairs lies from no change, as a relative change; absent without any pair.
  std::optional<double> fraction;
  std::int64_t pairs = 0;
  /// The least slow-down that kDetectableSeconds of pairs like these would show as a regression four times in
  /// five, against a band of 1 % or of the noise floor if that is more; absent below an interval's fewest
  /// pairs.
  std::optional<double> detectable_fraction;
};

inline constexpr Seconds kDetectableSeconds = 60;

/// Both runners do the same work. Takes pairs for `budget_seconds`; ends before only where they certainly
/// differ.
NoiseFloor measure_noise_floor(Runner& a, Runner& b, Seconds budget_seconds, Clock& clock,
                               const PairProgress& progress = {});

}  // namespace reprise::harness
