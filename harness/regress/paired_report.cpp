#include "harness/regress/paired_report.h"

#include <algorithm>

#include "engine/core/check.h"
#include "harness/regress/compared_metrics.h"
#include "harness/report/assemble.h"

namespace reprise::harness {
namespace {

StopReason reason_of(PairedStop stop) {
  switch (stop) {
    case PairedStop::decided:
      return StopReason::converged;
    case PairedStop::budget:
      return StopReason::budget;
    case PairedStop::max_pairs:
      return StopReason::max_runs;
    case PairedStop::failed:
      break;
  }
  return StopReason::failed;
}

/// One arm's runs of all sessions, as if they had been measured alone.
Measurement measurement_of(std::span<const PairedSession> sessions, std::vector<Sample> Pair::*arm) {
  Measurement measurement;
  measurement.reason = StopReason::converged;
  for (const PairedSession& session : sessions) {
    for (const Pair& pair : session.warmup) {
      measurement.warmup.insert(measurement.warmup.end(), (pair.*arm).begin(), (pair.*arm).end());
    }
    for (const Pair& pair : session.pairs) {
      measurement.samples.insert(measurement.samples.end(), (pair.*arm).begin(), (pair.*arm).end());
      measurement.steady.runs_per_block = (pair.*arm).size();
    }
    if (session.stop != PairedStop::decided) {
      measurement.reason = reason_of(session.stop);
    }
  }
  measurement.steady.warmup_runs = measurement.warmup.size();
  return measurement;
}

std::int64_t add_row(Report& report, const ArmInfo& arm, const Measurement& measurement, double confidence) {
  Row row;
  row.capture = arm.capture;
  row.placement = arm.placement;
  row.verification = arm.verification;
  row.memory = arm.memory;
  add_measurement(row, measurement, arm.n_prompt_processed, confidence);
  report.rows.push_back(std::move(row));
  return std::ssize(report.rows) - 1;
}

Comparison comparison_of(const ComparedMetric& metric, const RatioEstimate& estimate,
                         const RatioOptions& options) {
  Comparison comparison;
  comparison.metric = metric.name;
  comparison.median_ratio = metric.ratio(estimate.log_ratio);
  if (estimate.ci) {
    comparison.ci = metric.ratio(*estimate.ci);
  }
  comparison.verdict = verdict_of(estimate, options);
  comparison.pairs = static_cast<std::int64_t>(estimate.n_pairs);
  comparison.minimum_detectable_effect = estimate.minimum_detectable_effect;
  comparison.confidence = options.confidence;
  comparison.band = options.band;
  // Both are of one test with two sides, as the interval is.
  comparison.p_value = std::min(estimate.p_not_slower, estimate.p_not_faster);
  return comparison;
}

}  // namespace

std::vector<std::size_t> add_paired(Report& report, const ArmInfo& a, const ArmInfo& b,
                                    const PairedResult& result, const RatioOptions& options) {
  const std::span<const PairedSession> sessions = result.sessions;
  const std::int64_t row_a = add_row(report, a, measurement_of(sessions, &Pair::a), options.confidence);
  const std::int64_t row_b = add_row(report, b, measurement_of(sessions, &Pair::b), options.confidence);
  const bool failed =
      sessions.empty() || std::any_of(sessions.begin(), sessions.end(),
                                      [](const auto& session) { return session.stop == PairedStop::failed; });
  std::vector<std::size_t> added;
  if (failed) {
    for (const std::int64_t row : {row_a, row_b}) {
      report.rows[static_cast<std::size_t>(row)].metrics.clear();
      report.rows[static_cast<std::size_t>(row)].stop = StopReason::failed;
    }
    return added;
  }
  std::vector<Pair> pairs;
  for (const PairedSession& session : sessions) {
    pairs.insert(pairs.end(), session.pairs.begin(), session.pairs.end());
  }
  for (const ComparedMetric& metric : kComparedMetrics) {
    const std::vector<std::vector<double>> ratios = log_ratios(sessions, metric.quantity);
    if (std::all_of(ratios.begin(), ratios.end(), [](const auto& process) { return process.empty(); })) {
      continue;
    }
    Comparison comparison = comparison_of(metric, estimate_ratio(ratios, options), options);
    comparison.a = row_a;
    comparison.b = row_b;
    comparison.processes = std::ssize(sessions);
    if (metric.quantity == Quantity::total) {
      comparison.tokens = token_change(pairs, options.confidence);
      comparison.centres = centre_changes(result.profiles);
    }
    added.push_back(report.comparisons.size());
    report.comparisons.push_back(std::move(comparison));
  }
  return added;
}

void confirm_regressions(std::span<Comparison> comparisons, std::span<const Comparison> again) {
  for (Comparison& comparison : comparisons) {
    if (comparison.verdict != ComparisonVerdict::regression) {
      continue;
    }
    const auto second = std::find_if(again.begin(), again.end(), [&](const Comparison& other) {
      return other.metric == comparison.metric;
    });
    comparison.confirmed = second != again.end() && second->verdict == ComparisonVerdict::regression;
    if (!*comparison.confirmed) {
      comparison.verdict = ComparisonVerdict::inconclusive;
    }
  }
}

}  // namespace reprise::harness
