#include "harness/report/comparison_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/io/printable.h"
#include "harness/report/metric_definitions.h"
#include "harness/report/sparkline.h"
#include "harness/report/units.h"

namespace reprise::harness {
namespace {

constexpr const char* kNone = "-";

const Metric* find_metric(const Row& row, std::string_view name) {
  const auto found = row.metrics.find(std::string(name));
  return found == row.metrics.end() ? nullptr : &found->second;
}

std::string seconds_cell(const Row& row, std::string_view name) {
  const Metric* metric = find_metric(row, name);
  return metric == nullptr ? kNone : format_seconds(metric->value);
}

std::string rate_cell(const Row& row, std::string_view name) {
  const Metric* metric = find_metric(row, name);
  return metric == nullptr ? kNone : format_number(metric->value);
}

/// The larger distance from the value to an end of its interval, in per cent of the value.
std::string spread_cell(const Row& row, std::string_view name) {
  const Metric* metric = find_metric(row, name);
  if (metric == nullptr) {
    return kNone;
  }
  if (!metric->ci || metric->value <= 0) {
    return "±?";
  }
  const double half_width = std::max(metric->ci->high - metric->value, metric->value - metric->ci->low);
  return "±" + format_percent(half_width / metric->value);
}

bool differs(const Row& row) {
  return row.verification.verdict == OutputVerdict::differs;
}

std::string outputs_cell(const Verification& verification) {
  switch (verification.verdict) {
    case OutputVerdict::identical:
      return "identical";
    case OutputVerdict::same_tokens:
      return "same tokens";
    case OutputVerdict::within_tolerance:
      return "in tolerance";
    case OutputVerdict::differs:
      break;
  }
  return verification.first_divergence ? fmt::format("DIFFER @{}", *verification.first_divergence)
                                       : std::string("DIFFER");
}

std::string converged_cell(StopReason reason) {
  switch (reason) {
    case StopReason::converged:
      return "yes";
    case StopReason::budget:
      return "NO (budget)";
    case StopReason::max_runs:
      return "NO (max runs)";
    case StopReason::not_steady:
      return "NO (not steady)";
    case StopReason::failed:
      break;
  }
  return "FAILED";
}

/// How many times as fast as the first row of the same capture. Marked when either did not do the captured
/// work.
std::string speed_cell(const Report& report, const Row& row) {
  const Row& first = *std::find_if(report.rows.begin(), report.rows.end(),
                                   [&](const Row& other) { return other.capture.id == row.capture.id; });
  const Metric* base = find_metric(first, kTotalSeconds);
  const Metric* own = find_metric(row, kTotalSeconds);
  if (base == nullptr || own == nullptr || own->value <= 0) {
    return kNone;
  }
  return fmt::format("{}{:.2f}x", differs(row) || differs(first) ? "*" : "", base->value / own->value);
}

std::string_view label_of(OutlierCause cause) {
  switch (cause) {
    case OutlierCause::major_page_faults:
      return "page faults served from disk";
    case OutlierCause::minor_page_faults:
      return "page faults";
    case OutlierCause::involuntary_switches:
      return "involuntary context switches";
    case OutlierCause::voluntary_switches:
      return "voluntary context switches";
    case OutlierCause::steal:
      return "time taken by the hypervisor";
    case OutlierCause::lower_clock:
      break;
  }
  return "a lower clock";
}

/// Of all rows together; empty when no run was slow.
std::string outlier_note(const Report& report) {
  OutlierSummary sum;
  std::map<OutlierCause, std::int64_t> met;
  for (const Row& row : report.rows) {
    if (row.outliers) {
      sum.runs += row.outliers->runs;
      sum.slow += row.outliers->slow;
      sum.unexplained += row.outliers->unexplained;
      for (const CauseCount& count : row.outliers->causes) {
        met[count.cause] += count.outliers;
      }
    }
  }
  if (sum.slow == 0) {
    return "";
  }
  std::vector<std::string> parts;
  for (const auto& [cause, outliers] : met) {
    parts.push_back(fmt::format("{} with {}", outliers, label_of(cause)));
  }
  if (sum.unexplained > 0) {
    parts.push_back(fmt::format("{} with nothing unusual that is watched", sum.unexplained));
  }
  return fmt::format("{} of {} runs were far slower than the others, and kept: {}", sum.slow, sum.runs,
                     fmt::join(parts, ", "));
}

}  // namespace

ComparisonRows comparison_rows(const Report& report) {
  ComparisonRows rows;
  for (const auto& [heading, align] : {std::pair{"capture", Align::left},
                                       {"backend", Align::left},
                                       {"isa", Align::left},
                                       {"precision", Align::left},
                                       {"kv cache", Align::left},
                                       {"threads", Align::right},
                                       {"outputs", Align::left},
                                       {"TTFT", Align::right},
                                       {"prefill tok/s", Align::right},
                                       {"decode tok/s", Align::right},
                                       {"total", Align::right},
                                       {"interval", Align::right},
                                       {"speed", Align::right},
                                       {"runs", Align::right},
                                       {"spread", Align::left},
                                       {"converged", Align::left}}) {
    rows.table.add_column(heading, align);
  }
  for (const Row& row : report.rows) {
    const PlacementInfo& placement = row.placement;
    rows.table.add_row({engine::printable(row.capture.name, 32), engine::printable(placement.backend, 16),
                        engine::printable(placement.isa, 16), engine::printable(placement.precision, 16),
                        placement.kv_cache ? "on " + engine::printable(placement.kv_precision, 16) : "off",
                        fmt::format("{}", placement.threads), outputs_cell(row.verification),
                        seconds_cell(row, kTimeToFirstTokenSeconds), rate_cell(row, kPrefillTokensPerSecond),
                        rate_cell(row, kDecodeTokensPerSecond), seconds_cell(row, kTotalSeconds),
                        spread_cell(row, kTotalSeconds), speed_cell(report, row),
                        fmt::format("{}", row.samples.total_seconds.size()),
                        sparkline(row.samples.total_seconds), converged_cell(row.stop)});
  }
  for (const Row& row : report.rows) {
    const std::string stored = row.capture.model.stored_precision.value_or("");
    const std::string note =
        fmt::format("{}: weights stored as {}, which are only read, were computed with as {}",
                    engine::printable(row.capture.model.name, 32), engine::printable(stored, 64),
                    engine::printable(row.placement.precision, 16));
    if (stored.find("q") != std::string::npos && std::ranges::find(rows.notes, note) == rows.notes.end()) {
      rows.notes.push_back(note);
    }
  }
  const auto any = [&](auto holds) { return std::any_of(report.rows.begin(), report.rows.end(), holds); };
  if (any(differs)) {
    rows.notes.emplace_back(
        "* outputs differ from the capture (@N: from generated token N on): a ratio of unlike results, not a "
        "speed-up");
  }
  if (any([](const Row& row) {
        return row.stop == StopReason::budget || row.stop == StopReason::max_runs;
      })) {
    rows.notes.emplace_back(
        "NO: not converged, the interval of the total is wider than asked for; give it more time");
  }
  if (any([](const Row& row) { return row.stop == StopReason::not_steady; })) {
    rows.notes.emplace_back(
        "not steady: the runs kept getting slower or faster to the end, so their median means little");
  }
  if (const std::string note = outlier_note(report); !note.empty()) {
    rows.notes.push_back(note);
  }
  if (any([](const Row& row) { return row.stop == StopReason::failed; })) {
    rows.notes.emplace_back("FAILED: a run's outputs did not verify; no time of it is shown");
  }
  return rows;
}

}  // namespace reprise::harness
