#include "harness/regress/stored_reports.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "engine/core/error.h"
#include "harness/measure/paired.h"
#include "harness/measure/steady_part.h"
#include "harness/regress/compared_metrics.h"
#include "harness/regress/fingerprint.h"

namespace reprise::harness {
namespace {

/// The runs of a row as they were timed.
std::vector<Sample> samples_of(const Row& row) {
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < row.samples.total_seconds.size(); ++i) {
    Sample sample;
    sample.total_seconds = row.samples.total_seconds[i];
    if (i < row.samples.token_seconds.size() && !row.samples.token_seconds[i].empty()) {
      sample.token_seconds = row.samples.token_seconds[i];
      sample.time_to_first_token_seconds = sample.token_seconds.front();
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

/// The median of one quantity's seconds; absent where a run has none.
std::optional<MedianEstimate> estimate_of(const Row& row, Quantity quantity, double confidence) {
  std::vector<double> values;
  for (const Sample& sample : samples_of(row)) {
    const std::optional<Seconds> seconds = seconds_of(sample, quantity);
    if (!seconds || *seconds <= 0) {
      return std::nullopt;
    }
    values.push_back(*seconds);
  }
  const auto runs_per_block = static_cast<std::size_t>(std::max<std::int64_t>(row.samples.runs_per_block, 1));
  if (values.empty()) {
    return std::nullopt;
  }
  return estimate_median(block_medians_or_median(values, runs_per_block), confidence);
}

std::optional<Comparison> compare_rows(const Row& a, const Row& b, const ComparedMetric& metric, double band,
                                       double confidence) {
  const double each = 1 - (1 - confidence) / 2;
  const auto of_a = estimate_of(a, metric.quantity, each);
  const auto of_b = estimate_of(b, metric.quantity, each);
  if (!of_a || !of_b) {
    return std::nullopt;
  }
  Comparison comparison;
  comparison.metric = metric.name;
  comparison.median_ratio = metric.ratio(std::log(of_b->value / of_a->value));
  comparison.confidence = confidence;
  comparison.band = band;
  comparison.paired = false;
  if (of_a->ci && of_b->ci) {
    const Interval seconds{std::log(of_b->ci->low / of_a->ci->high),
                           std::log(of_b->ci->high / of_a->ci->low)};
    comparison.verdict = verdict_of(seconds, band);
    comparison.ci = metric.ratio(seconds);
    comparison.minimum_detectable_effect = std::expm1(std::log1p(band) + (seconds.high - seconds.low) / 2);
  }
  return comparison;
}

/// A report of two builds, as the gate writes it, stands for the later one: whether the earlier one's this
/// is.
bool is_of_earlier_build(const Report& report, std::size_t row) {
  return std::any_of(report.comparisons.begin(), report.comparisons.end(), [&](const Comparison& comparison) {
    const auto a = static_cast<std::size_t>(comparison.a);
    const auto b = static_cast<std::size_t>(comparison.b);
    return a == row && b != row && b < report.rows.size() &&
           report.rows[a].capture.id == report.rows[b].capture.id &&
           report.rows[a].placement == report.rows[b].placement;
  });
}

void check_machines(const Report& a, const Report& b, const std::string& name_a, const std::string& name_b) {
  if (machine_fingerprint(a.machine) != machine_fingerprint(b.machine)) {
    fail(ErrorCode::mismatch, "{}: machine: expected {} as in {}, found {}", name_b,
         machine_description(a.machine), name_a, machine_description(b.machine));
  }
}

}  // namespace

Report compare_reports(const Report& a, const Report& b, const std::string& name_a, const std::string& name_b,
                       double band, bool force, double confidence) {
  if (!force) {
    check_machines(a, b, name_a, name_b);
  }
  Report report;
  report.created = b.created;
  report.tool = b.tool;
  report.machine = b.machine;
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    const Row& row_a = a.rows[i];
    const auto found = std::find_if(b.rows.begin(), b.rows.end(), [&](const Row& row) {
      return row.capture.id == row_a.capture.id && row.placement == row_a.placement &&
             !is_of_earlier_build(b, static_cast<std::size_t>(&row - b.rows.data()));
    });
    if (is_of_earlier_build(a, i) || found == b.rows.end() || row_a.metrics.empty() ||
        found->metrics.empty()) {
      continue;
    }
    if (!force && found->capture.model.sha256 != row_a.capture.model.sha256) {
      fail(ErrorCode::mismatch, "{}: rows[{}].capture.model.sha256: expected {} as in {}, found {}", name_b,
           found - b.rows.begin(), row_a.capture.model.sha256, name_a, found->capture.model.sha256);
    }
    const std::int64_t first = std::ssize(report.rows);
    report.rows.push_back(row_a);
    report.rows.push_back(*found);
    for (const ComparedMetric& metric : kComparedMetrics) {
      if (auto comparison = compare_rows(row_a, *found, metric, band, confidence)) {
        comparison->a = first;
        comparison->b = first + 1;
        report.comparisons.push_back(std::move(*comparison));
      }
    }
  }
  if (report.rows.empty()) {
    fail(ErrorCode::mismatch,
         "{}: rows: expected one of a capture and placement that {} has figures of too, found none", name_b,
         name_a);
  }
  return report;
}

}  // namespace reprise::harness
