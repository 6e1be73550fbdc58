#include "harness/measure/outlier_causes.h"

#include <algorithm>
#include <array>
#include <limits>

#include "harness/stats/outliers.h"

namespace reprise::harness {
namespace {

constexpr std::array kCauses = {OutlierCause::major_page_faults,
                                OutlierCause::minor_page_faults,
                                OutlierCause::involuntary_switches,
                                OutlierCause::voluntary_switches,
                                OutlierCause::steal,
                                OutlierCause::lower_clock};

/// The greater, the slower a run is made. Absent when not known.
std::optional<double> reading(const Sample& sample, OutlierCause cause) {
  if (!sample.conditions) {
    return std::nullopt;
  }
  const RunConditions& met = *sample.conditions;
  switch (cause) {
    case OutlierCause::major_page_faults:
      return static_cast<double>(met.major_page_faults);
    case OutlierCause::minor_page_faults:
      return static_cast<double>(met.minor_page_faults);
    case OutlierCause::involuntary_switches:
      return static_cast<double>(met.involuntary_switches);
    case OutlierCause::voluntary_switches:
      return static_cast<double>(met.voluntary_switches);
    case OutlierCause::steal:
      return met.steal_seconds;
    case OutlierCause::lower_clock:
      return met.clock_hz ? std::optional(-*met.clock_hz) : std::nullopt;
  }
  return std::nullopt;
}

/// Readings above this are unusual. Infinite when there is nothing to compare with.
double usual_limit(std::span<const Sample> samples, const Interval& fences, OutlierCause cause) {
  std::vector<double> usual;
  for (const Sample& sample : samples) {
    const std::optional<double> value = reading(sample, cause);
    if (value && sample.total_seconds >= fences.low && sample.total_seconds <= fences.high) {
      usual.push_back(*value);
    }
  }
  return usual.empty() ? std::numeric_limits<double>::infinity() : tukey_fences(usual).high;
}

}  // namespace

std::optional<OutlierSummary> explain_outliers(std::span<const Sample> samples) {
  if (samples.size() < kFewestRunsForOutliers) {
    return std::nullopt;
  }
  std::vector<double> seconds;
  for (const Sample& sample : samples) {
    seconds.push_back(sample.total_seconds);
  }
  OutlierSummary summary;
  summary.fences = tukey_fences(seconds);
  summary.runs = std::ssize(samples);
  std::vector<bool> explained(samples.size(), false);
  for (const OutlierCause cause : kCauses) {
    const double limit = usual_limit(samples, summary.fences, cause);
    CauseCount count{cause};
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (reading(samples[i], cause).value_or(limit) <= limit) {
        continue;
      }
      if (seconds[i] > summary.fences.high) {
        ++count.outliers;
        explained[i] = true;
      } else if (seconds[i] >= summary.fences.low) {
        ++count.others;
      }
    }
    if (count.outliers > 0) {
      summary.causes.push_back(count);
    }
  }
  std::stable_sort(summary.causes.begin(), summary.causes.end(),
                   [](const CauseCount& a, const CauseCount& b) { return a.outliers > b.outliers; });
  for (std::size_t i = 0; i < samples.size(); ++i) {
    summary.slow += static_cast<std::int64_t>(seconds[i] > summary.fences.high);
    summary.fast += static_cast<std::int64_t>(seconds[i] < summary.fences.low);
    summary.unexplained += static_cast<std::int64_t>(seconds[i] > summary.fences.high && !explained[i]);
  }
  return summary;
}

}  // namespace reprise::harness
