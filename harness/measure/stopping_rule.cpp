#include "harness/measure/stopping_rule.h"

#include <algorithm>
#include <numeric>

#include "engine/core/check.h"
#include "engine/core/error.h"

namespace reprise::harness {
namespace {

template <class Value>
void expect(bool holds, const char* option, const char* expected, Value found) {
  if (!holds) {
    fail(ErrorCode::invalid_argument, "stopping rule: {}: expected {}, found {}", option, expected, found);
  }
}

/// Every number of runs up to 50, then in steps of a fiftieth.
bool is_look(std::size_t n_runs) {
  std::size_t look = 0;
  while (look < n_runs) {
    look += std::max<std::size_t>(look / 50, 1);
  }
  return look == n_runs;
}

}  // namespace

std::string_view name_of(StopReason reason) {
  switch (reason) {
    case StopReason::converged:
      return "converged";
    case StopReason::budget:
      return "budget";
    case StopReason::max_runs:
      return "max_runs";
    case StopReason::not_steady:
      return "not_steady";
    case StopReason::failed:
      return "failed";
  }
  REPRISE_CHECK(false);
}

MedianRule::MedianRule(const MedianRuleOptions& options) : options_(options) {
  expect(options.warmup_runs >= 1 && options.warmup_runs <= 1000, "warmup_runs",
         "1 (the cold run is never a sample) to 1000", options.warmup_runs);
  expect(options.max_runs >= 1, "max_runs", "at least 1", options.max_runs);
  expect(options.min_seconds >= 0, "min_seconds", "a number of at least 0", options.min_seconds);
  expect(options.target_half_width > 0 && options.target_half_width < 1, "target_half_width",
         "a number between 0 and 1", options.target_half_width);
  expect(options.confidence >= 0.5 && options.confidence <= 0.999, "confidence", "a number from 0.5 to 0.999",
         options.confidence);
  expect(options.budget_seconds > 0, "budget_seconds", "a number above 0", options.budget_seconds);
}

SteadyPart MedianRule::steady_part(std::span<const Seconds> runs) const {
  return find_steady_part(runs, options_.warmup_runs);
}

Decision MedianRule::consider(std::span<const Seconds> runs, Seconds elapsed) const {
  if (runs.size() <= options_.warmup_runs) {
    return std::nullopt;
  }
  const bool out_of_time = elapsed >= options_.budget_seconds;
  const bool out_of_runs = runs.size() - options_.warmup_runs >= options_.max_runs;
  const bool out = out_of_time || out_of_runs;
  if (!out && !is_look(runs.size())) {
    return std::nullopt;
  }
  const SteadyPart part = steady_part(runs);
  const std::span<const Seconds> samples = runs.subspan(part.warmup_runs);
  const Seconds timed = std::accumulate(samples.begin(), samples.end(), 0.0);
  if (part.is_settled() && samples.size() >= options_.min_runs && timed >= options_.min_seconds &&
      is_tight(samples, part.runs_per_block)) {
    return StopReason::converged;
  }
  if (!out) {
    return std::nullopt;
  }
  if (part.is_moving()) {
    return StopReason::not_steady;
  }
  return out_of_time ? StopReason::budget : StopReason::max_runs;
}

bool MedianRule::is_tight(std::span<const Seconds> samples, std::size_t runs_per_block) const {
  const std::vector<double> blocks = block_medians(samples, runs_per_block);
  if (blocks.empty()) {
    return false;
  }
  const MedianEstimate estimate = estimate_median(blocks, options_.confidence);
  return estimate.ci.has_value() &&
         std::max(estimate.ci->high - estimate.value, estimate.value - estimate.ci->low) <=
             options_.target_half_width * estimate.value;
}

}  // namespace reprise::harness
