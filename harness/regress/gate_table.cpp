#include "harness/regress/gate_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/printable.h"
#include "harness/report/metric_definitions.h"
#include "harness/report/units.h"
#include "harness/report/verdict_table.h"

namespace reprise::harness {
namespace {

using engine::printable;

constexpr const char* kNone = "-";

const GateRow& row_of(const Gate& gate, const GateFinding& finding) {
  return gate.rows.at(static_cast<std::size_t>(finding.row));
}

const Comparison* comparison_of(const Gate& gate, const GateFinding& finding) {
  return finding.comparison ? &gate.report.comparisons.at(static_cast<std::size_t>(*finding.comparison))
                            : nullptr;
}

const CountChange* count_of(const Gate& gate, const GateFinding& finding) {
  return finding.count ? &row_of(gate, finding).counts.at(static_cast<std::size_t>(*finding.count)) : nullptr;
}

const Row& head_of(const Gate& gate, const GateRow& row) {
  return gate.report.rows.at(static_cast<std::size_t>(row.b));
}

std::string placement_of(const Gate& gate, const GateRow& row) {
  return printable(describe(head_of(gate, row).placement), 96);
}

std::string capture_of(const Gate& gate, const GateRow& row) {
  return printable(head_of(gate, row).capture.name, 32);
}

std::int64_t n_with(const Gate& gate, ComparisonVerdict verdict) {
  return std::count_if(gate.findings.begin(), gate.findings.end(),
                       [&](const GateFinding& finding) { return finding.verdict == verdict; });
}

bool is_shown(const GateFinding& finding) {
  return finding.verdict && *finding.verdict != ComparisonVerdict::equivalent;
}

/// The greatest change among cost centres of the row's total, or among the count's kernels.
std::string centre_cell(const Gate& gate, const GateFinding& finding) {
  if (const CountChange* count = count_of(gate, finding)) {
    if (count->kernels.empty()) {
      return kNone;
    }
    const KernelCountChange& kernel = count->kernels.front();
    return fmt::format("{} {} {:+}", printable(kernel.phase, 24), printable(kernel.name, 40),
                       kernel.b - kernel.a);
  }
  for (const Comparison& comparison : comparisons_of(gate.report, row_of(gate, finding))) {
    if (comparison.metric == kTotalSeconds && !comparison.centres.empty()) {
      const CentreChange& centre = comparison.centres.front();
      double total = 0;
      for (const CentreChange& each : comparison.centres) {
        total += each.b_seconds - each.a_seconds;
      }
      return fmt::format("{}{} {} of {}", centre.phase.empty() ? "" : printable(centre.phase, 24) + " ",
                         printable(centre.name, 40),
                         format_seconds_change(centre.b_seconds - centre.a_seconds),
                         format_seconds_change(total));
    }
  }
  return kNone;
}

void add_finding(TextTable& table, const Gate& gate, const GateFinding& finding) {
  const GateRow& row = row_of(gate, finding);
  const Comparison* comparison = comparison_of(gate, finding);
  table.add_row({capture_of(gate, row), placement_of(gate, row), printable(finding.metric, 40),
                 verdict_cell(gate, finding), change_cell(gate, finding),
                 comparison != nullptr ? interval_text(*comparison) : "exact",
                 comparison != nullptr ? fmt::format("{}", comparison->pairs) : kNone,
                 comparison != nullptr ? detectable_text(*comparison) : kNone, centre_cell(gate, finding)});
}

/// What became inconclusive because there are other metrics.
bool is_certain_alone(const Comparison& comparison, const GateOptions& options) {
  const double level = 1 - options.confidence;
  return comparison.verdict == ComparisonVerdict::inconclusive && !comparison.confirmed &&
         comparison.pairs >= static_cast<std::int64_t>(RatioOptions{}.min_pairs) &&
         comparison.p_value.value_or(1) < level && comparison.adjusted_p_value.value_or(0) >= level;
}

std::string build_text(const ToolInfo& tool) {
  return printable(tool.git_commit.substr(0, 12), 12) + (tool.dirty ? " (modified)" : "");
}

std::string note_of(const ListedAcknowledgement& listed) {
  const Acknowledgement& entry = listed.entry;
  const std::string what =
      fmt::format("{} of {}, commit {}: {}", printable(entry.metric, 40), printable(entry.capture, 64),
                  printable(entry.commit.substr(0, 12), 12), printable(entry.reason, 400));
  switch (listed.state) {
    case AcknowledgementState::used:
      return fmt::format("accepted until {}: {}", entry.expires, what);
    case AcknowledgementState::expired:
      return fmt::format("accepted until {} and no longer: {}", entry.expires, what);
    case AcknowledgementState::unused:
      break;
  }
  return fmt::format("accepted, and found nothing to excuse: {}", what);
}

}  // namespace

std::string label_of(const Gate& gate, const GateRow& row) {
  return capture_of(gate, row) + " on " + placement_of(gate, row);
}

bool outputs_differ(const GateRow& row) {
  return row.a_differs || row.b_differs;
}

std::string outputs_text(const GateRow& row) {
  const char* whose = row.a_differs && row.b_differs ? "both builds"
                      : row.a_differs                ? "the base build"
                                                     : "the head build";
  return fmt::format("outputs of {} differ from the capture; nothing of it is compared", whose);
}

std::string gate_headline(const Gate& gate) {
  const std::string outcome =
      gate.outcome == GateOutcome::outputs_differ ? "outputs differ" : std::string(name_of(gate.outcome));
  const bool fails_nothing = gate.options.informational && (gate.outcome == GateOutcome::regression ||
                                                            gate.outcome == GateOutcome::inconclusive);
  return outcome + (fails_nothing ? " (for information: it fails nothing)" : "");
}

std::string gate_counts(const Gate& gate) {
  return fmt::format("{}, {}, {} equivalent, {} inconclusive: {} of {}",
                     counted(n_with(gate, ComparisonVerdict::regression), "regression"),
                     counted(n_with(gate, ComparisonVerdict::improvement), "improvement"),
                     n_with(gate, ComparisonVerdict::equivalent),
                     n_with(gate, ComparisonVerdict::inconclusive),
                     counted(std::ssize(gate.findings), "metric"), counted(std::ssize(gate.rows), "row"));
}

std::string gate_builds(const Gate& gate) {
  return fmt::format("base {}, head {}", build_text(gate.a), build_text(gate.b));
}

std::string verdict_cell(const Gate& gate, const GateFinding& finding) {
  const Comparison* comparison = comparison_of(gate, finding);
  std::string cell = comparison != nullptr ? verdict_text(*comparison)
                     : finding.verdict     ? std::string(name_of(*finding.verdict))
                                           : "not compared";
  if (finding.standing == GateStanding::acknowledged) {
    cell += " (accepted)";
  } else if (finding.standing == GateStanding::too_noisy) {
    cell += " (too noisy to fail)";
  } else if (comparison != nullptr && is_certain_alone(*comparison, gate.options)) {
    cell += " (certain alone, not among all)";
  }
  return cell;
}

std::string change_cell(const Gate& gate, const GateFinding& finding) {
  if (const Comparison* comparison = comparison_of(gate, finding)) {
    return format_change(comparison->median_ratio);
  }
  const CountChange& count = *count_of(gate, finding);
  const auto figure = [](const std::optional<std::int64_t>& n) {
    return n ? fmt::format("{}", *n) : std::string(kNone);
  };
  const bool has_ratio = count.a.value_or(0) > 0 && count.b;
  return fmt::format(
      "{} to {}{}", figure(count.a), figure(count.b),
      has_ratio
          ? fmt::format(" ({})", format_change(static_cast<double>(*count.b) / static_cast<double>(*count.a)))
          : "");
}

TextTable gate_rows(const Gate& gate) {
  TextTable table;
  for (const auto& [heading, align] : {std::pair{"capture", Align::left},
                                       {"placement", Align::left},
                                       {"metric", Align::left},
                                       {"verdict", Align::left},
                                       {"head against base", Align::right},
                                       {"interval", Align::right},
                                       {"pairs", Align::right},
                                       {"could have seen", Align::right},
                                       {"top cost centre", Align::left}}) {
    table.add_column(heading, align);
  }
  for (const bool failing : {true, false}) {
    for (const GateFinding& finding : gate.findings) {
      if (is_shown(finding) && (finding.standing == GateStanding::fails) == failing) {
        add_finding(table, gate, finding);
      }
    }
  }
  return table;
}

bool has_rows(const Gate& gate) {
  return std::any_of(gate.findings.begin(), gate.findings.end(), is_shown);
}

std::string gate_sensitivity(const Gate& gate) {
  double greatest = 0;
  std::int64_t n = 0;
  std::int64_t unknown = 0;
  for (const GateFinding& finding : gate.findings) {
    const Comparison* comparison = comparison_of(gate, finding);
    if (comparison == nullptr || is_too_noisy(row_of(gate, finding), gate.options)) {
      continue;
    }
    ++n;
    unknown += comparison->minimum_detectable_effect ? 0 : 1;
    greatest = std::max(greatest, comparison->minimum_detectable_effect.value_or(0));
  }
  if (n == 0 || n == unknown) {
    return "no timed metric could have shown a slow-down";
  }
  return fmt::format("a slow-down of {:.1f} % would have shown in every timed metric, four times in five{}",
                     100 * greatest,
                     unknown > 0 ? fmt::format("; {} of {} have too few pairs to tell", unknown, n) : "");
}

std::vector<std::string> gate_notes(const Gate& gate) {
  std::vector<std::string> notes;
  for (const GateRow& row : gate.rows) {
    if (outputs_differ(row)) {
      notes.push_back(label_of(gate, row) + ": " + outputs_text(row));
    } else if (is_too_noisy(row, gate.options)) {
      notes.push_back(fmt::format(
          "{}: the base build against itself is {} apart, more than {}: no timing of it fails",
          label_of(gate, row), format_percent(row.noise_floor), format_percent(gate.options.max_noise)));
    }
  }
  for (const GateFinding& finding : gate.findings) {
    if (const CountChange* count = count_of(gate, finding); count != nullptr && !finding.verdict) {
      const char* whose = count->a   ? "the head build does"
                          : count->b ? "the base build does"
                                     : "neither build does";
      notes.push_back(fmt::format("{}: {} are not compared: {} {}count them",
                                  label_of(gate, row_of(gate, finding)), finding.metric, whose,
                                  !count->a && !count->b ? "" : "not "));
    }
  }
  for (const ListedAcknowledgement& listed : gate.acknowledgements) {
    notes.push_back(note_of(listed));
  }
  return notes;
}

std::string gate_text(const Gate& gate) {
  std::string text = fmt::format("gate: {}\n{}; {}\n{}\n", gate_headline(gate), gate_counts(gate),
                                 gate_builds(gate), gate_sensitivity(gate));
  for (const std::string& note : gate_notes(gate)) {
    text += note + "\n";
  }
  return text + (has_rows(gate) ? "\n" + gate_rows(gate).to_text() : "");
}

}  // namespace reprise::harness
