/// Fills the measured parts of a report's row. What identifies the row (capture, placement, verification)
/// comes from replay, which this folder does not know. Used by tools/cli.
#pragma once

#include <cstdint>
#include <optional>

#include "harness/measure/measure.h"
#include "harness/profile/cost_profile.h"
#include "harness/profile/timeline.h"
#include "harness/report/report.h"

namespace reprise::harness {

/// Sets metrics, samples, cold and stop. A row that failed has no metrics: a figure beside outputs that did
/// not verify would be read as one that did. `n_prompt_processed`: see compute_metrics.
void add_measurement(Row& row, const Measurement& measurement, std::int64_t n_prompt_processed,
                     double confidence = 0.95);

/// Sets cost_centres, unattributed_seconds and timeline.
void add_profile(Row& row, const CostProfile& profile, std::optional<Timeline> timeline = {});

}  // namespace reprise::harness
