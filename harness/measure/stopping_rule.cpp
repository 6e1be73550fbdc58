#include "harness/measure/stopping_rule.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "harness/stats/bootstrap.h"
#include "harness/stats/summary.h"

namespace reprise::harness {
namespace {

template <class Value>
void expect(bool holds, const char* option, const char* expected, Value found) {
  if (!holds) {
    fail(ErrorCode::invalid_argument, "stopping rule: {}: expected {}, found {}", option, expected, found);
  }
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
    case StopReason::failed:
      return "failed";
  }
  REPRISE_CHECK(false);
}

AdaptiveMedianRule::AdaptiveMedianRule(const AdaptiveMedianOptions& options) : options_(options) {
  expect(options.warmup_runs >= 1 && options.warmup_runs <= 1000, "warmup_runs",
         "1 (the cold run is never a sample) to 1000", options.warmup_runs);
  expect(options.max_runs >= 1, "max_runs", "at least 1", options.max_runs);
  expect(options.min_seconds >= 0, "min_seconds", "a number of at least 0", options.min_seconds);
  expect(options.target_half_width > 0 && options.target_half_width < 1, "target_half_width",
         "a number between 0 and 1", options.target_half_width);
  // Confidences nearer to 1 than the resamples resolve would be a promise without content.
  expect(options.confidence >= 0.5 && options.confidence <= 0.999, "confidence", "a number from 0.5 to 0.999",
         options.confidence);
  expect(options.budget_seconds > 0, "budget_seconds", "a number above 0", options.budget_seconds);
  options_.min_runs = std::max(options.min_runs, min_samples_for_median_interval(options.confidence));
}

std::size_t AdaptiveMedianRule::warmup_runs(std::span<const Seconds> /*runs*/) const {
  return options_.warmup_runs;
}

Decision AdaptiveMedianRule::consider(std::span<const Seconds> samples, Seconds elapsed) const {
  if (samples.empty()) {
    return std::nullopt;
  }
  const bool out_of_time = elapsed >= options_.budget_seconds;
  const bool out_of_runs = samples.size() >= options_.max_runs;
  const Seconds timed = std::accumulate(samples.begin(), samples.end(), 0.0);
  const bool enough = samples.size() >= options_.min_runs && timed >= options_.min_seconds;
  if (enough && (is_look(samples.size()) || out_of_time || out_of_runs) && is_tight(samples)) {
    return StopReason::converged;
  }
  if (out_of_time) {
    return StopReason::budget;
  }
  return out_of_runs ? Decision(StopReason::max_runs) : std::nullopt;
}

bool AdaptiveMedianRule::is_look(std::size_t n_samples) const {
  std::size_t look = options_.min_runs;
  while (look < n_samples) {
    look += std::max<std::size_t>(look / 10, 1);
  }
  return look == n_samples;
}

bool AdaptiveMedianRule::is_tight(std::span<const Seconds> samples) const {
  const double middle = median(samples);
  BootstrapOptions bootstrap;
  bootstrap.confidence = options_.confidence;
  const Interval ci = bootstrap_median_ci(samples, bootstrap);
  return std::max(ci.high - middle, middle - ci.low) <= options_.target_half_width * middle;
}

}  // namespace reprise::harness
