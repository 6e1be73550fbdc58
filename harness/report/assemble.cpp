#include "harness/report/assemble.h"

#include <utility>

#include "harness/report/metric_definitions.h"

namespace reprise::harness {

void add_measurement(Row& row, const Measurement& measurement, std::int64_t n_prompt_processed,
                     double confidence) {
  row.metrics.clear();
  if (measurement.reason != StopReason::failed) {
    row.metrics = compute_metrics(measurement.samples, n_prompt_processed, measurement.steady.runs_per_block,
                                  confidence);
  }
  row.samples = {};
  row.samples.runs_per_block = static_cast<std::int64_t>(measurement.steady.runs_per_block);
  for (const Sample& sample : measurement.samples) {
    row.samples.total_seconds.push_back(sample.total_seconds);
    row.samples.token_seconds.push_back(sample.token_seconds);
  }
  row.outliers = explain_outliers(measurement.samples);
  row.cold.reset();
  for (const Sample& sample : measurement.warmup) {
    if (!row.cold) {
      row.cold = ColdRun{sample.total_seconds, sample.time_to_first_token_seconds};
    }
    row.samples.warmup_total_seconds.push_back(sample.total_seconds);
  }
  row.stop = measurement.reason;
}

void add_profile(Row& row, const CostProfile& profile, std::optional<Timeline> timeline) {
  row.cost_centres = profile.centres;
  row.unattributed_seconds = profile.unattributed_seconds;
  row.timeline = std::move(timeline);
}

}  // namespace reprise::harness
