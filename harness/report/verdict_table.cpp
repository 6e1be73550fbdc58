#include "harness/report/verdict_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/io/printable.h"
#include "harness/report/metric_definitions.h"
#include "harness/report/units.h"

namespace reprise::harness {
namespace {

constexpr const char* kNone = "-";
constexpr std::size_t kMostCentres = 8;  // shown; the rest is one line

std::string change_cell(const SecondsChange& change) {
  const std::string interval = change.ci ? fmt::format("{} .. {}", format_seconds_change(change.ci->low),
                                                       format_seconds_change(change.ci->high))
                                         : "too few pairs for an interval";
  return fmt::format("{} ({})", format_seconds_change(change.seconds), interval);
}

std::string token_lines(const TokenChange& tokens) {
  return fmt::format(
      "  first token        {}\n"
      "  each later token   {}, times {}\n"
      "  for each position  {}\n",
      change_cell(tokens.prefill), change_cell(tokens.per_token), tokens.n_later_tokens,
      change_cell(tokens.per_position));
}

std::string centre_lines(const std::vector<CentreChange>& centres) {
  if (centres.empty()) {
    return "";
  }
  TextTable table;
  for (const auto& [heading, align] : {std::pair{"phase", Align::left},
                                       {"kernel", Align::left},
                                       {"a", Align::right},
                                       {"b", Align::right},
                                       {"change", Align::right},
                                       {"of all", Align::right},
                                       {"p", Align::right}}) {
    table.add_column(heading, align);
  }
  double rest = 0;
  double rest_fraction = 0;
  for (std::size_t i = 0; i < centres.size(); ++i) {
    const CentreChange& centre = centres[i];
    const double change = centre.b_seconds - centre.a_seconds;
    if (i >= kMostCentres) {
      rest += change;
      rest_fraction += centre.fraction;
      continue;
    }
    table.add_row({engine::printable(centre.phase, 24), engine::printable(centre.name, 40),
                   format_seconds(centre.a_seconds), format_seconds(centre.b_seconds),
                   format_seconds_change(change), format_percent(centre.fraction),
                   fmt::format("{:.2g}", centre.p_value)});
  }
  if (centres.size() > kMostCentres) {
    table.add_row({"", fmt::format("{} more", centres.size() - kMostCentres), "", "",
                   format_seconds_change(rest), format_percent(rest_fraction), ""});
  }
  return table.to_text();
}

bool is_change(const Comparison& comparison) {
  return comparison.verdict == ComparisonVerdict::regression ||
         comparison.verdict == ComparisonVerdict::improvement;
}

/// Of the total, if any metric of the same rows changed.
bool has_details(const Report& report, const Comparison& comparison) {
  return (comparison.tokens || !comparison.centres.empty()) &&
         std::any_of(report.comparisons.begin(), report.comparisons.end(), [&](const Comparison& other) {
           return other.a == comparison.a && other.b == comparison.b && is_change(other);
         });
}

std::string name_of_capture(const Report& report, const Comparison& comparison) {
  return engine::printable(report.rows.at(static_cast<std::size_t>(comparison.a)).capture.name, 32);
}

}  // namespace

std::string format_change(double ratio) {
  return fmt::format("{:+.2f} %", 100 * (ratio - 1));
}

std::string format_seconds_change(double seconds) {
  return (seconds < 0 ? "-" : "+") + format_seconds(std::abs(seconds));
}

std::string verdict_text(const Comparison& comparison) {
  std::string text(name_of(comparison.verdict));
  if (!comparison.paired) {
    text += " (unpaired)";
  } else if (comparison.confirmed && *comparison.confirmed) {
    text += ", twice";
  } else if (comparison.confirmed) {
    text += " (once slower, not again)";
  }
  return text;
}

std::string interval_text(const Comparison& comparison) {
  return comparison.ci
             ? fmt::format("{} .. {}", format_change(comparison.ci->low), format_change(comparison.ci->high))
             : kNone;
}

std::string detectable_text(const Comparison& comparison) {
  return comparison.minimum_detectable_effect
             ? fmt::format("{:.1f} %", 100 * *comparison.minimum_detectable_effect)
             : kNone;
}

TextTable verdict_rows(const Report& report) {
  TextTable table;
  for (const auto& [heading, align] : {std::pair{"capture", Align::left},
                                       {"metric", Align::left},
                                       {"b against a", Align::right},
                                       {"interval", Align::right},
                                       {"verdict", Align::left},
                                       {"pairs", Align::right},
                                       {"could have seen", Align::right}}) {
    table.add_column(heading, align);
  }
  for (const Comparison& comparison : report.comparisons) {
    table.add_row({name_of_capture(report, comparison), engine::printable(comparison.metric, 40),
                   format_change(comparison.median_ratio), interval_text(comparison),
                   verdict_text(comparison), fmt::format("{}", comparison.pairs),
                   detectable_text(comparison)});
  }
  return table;
}

std::string verdict_table(const Report& report) {
  std::string text = verdict_rows(report).to_text();
  for (const Row& row : report.rows) {
    if (row.verification.verdict == OutputVerdict::differs || row.stop == StopReason::failed) {
      text +=
          fmt::format("{} on {} {}: outputs differ from the capture; nothing of it is compared\n",
                      engine::printable(row.capture.name, 32), engine::printable(row.placement.backend, 16),
                      engine::printable(row.placement.precision, 16));
    }
  }
  for (const Comparison& comparison : report.comparisons) {
    if (has_details(report, comparison)) {
      text += fmt::format("\nwhere {} changed:\n", name_of_capture(report, comparison));
      text += comparison.tokens ? token_lines(*comparison.tokens) : "";
      text += centre_lines(comparison.centres);
    }
  }
  return text;
}

}  // namespace reprise::harness
