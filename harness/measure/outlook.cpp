#include "harness/measure/outlook.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "harness/measure/steady_part.h"

namespace reprise::harness {
namespace {

/// Runs that the rule wants before it looks at all.
double least_runs(std::span<const Seconds> samples, const MedianRuleOptions& options) {
  const Seconds timed = std::accumulate(samples.begin(), samples.end(), 0.0);
  const double by_time = timed > 0 ? options.min_seconds * static_cast<double>(samples.size()) / timed : 0.0;
  return std::max(static_cast<double>(options.min_runs), by_time);
}

}  // namespace

Outlook outlook(std::span<const Seconds> runs, Seconds elapsed, const MedianRuleOptions& options) {
  const SteadyPart part = find_steady_part(runs, options.warmup_runs);
  const std::span<const Seconds> samples = runs.subspan(std::min(part.warmup_runs, runs.size() - 1));
  const MedianEstimate estimate =
      estimate_median(block_medians_or_median(samples, part.runs_per_block), options.confidence);
  Outlook result;
  result.median = estimate.value;
  double needed = least_runs(samples, options);
  const Seconds budget_left = std::max(options.budget_seconds - elapsed, 0.0);
  result.left_seconds = budget_left;
  if (estimate.ci && estimate.value > 0) {
    result.half_width =
        std::max(estimate.ci->high - estimate.value, estimate.value - estimate.ci->low) / estimate.value;
    const double too_wide = *result.half_width / options.target_half_width;
    needed = std::max(needed, static_cast<double>(samples.size()) * too_wide * too_wide);
    const Seconds each = elapsed / static_cast<double>(runs.size());
    const double missing = std::max(needed - static_cast<double>(samples.size()), 0.0);
    result.left_seconds = std::min(missing * each, budget_left);
  }
  return result;
}

}  // namespace reprise::harness
