#include "harness/report/github_annotations.h"

#include <fmt/format.h>

#include "engine/io/printable.h"
#include "harness/report/verdict_table.h"

namespace reprise::harness {
namespace {

/// As a command's message, or, with `in_title`, as the value of its property.
std::string escaped(std::string_view text, bool in_title) {
  std::string safe;
  constexpr std::size_t kLongest = 400;
  for (const char c : engine::printable(text, kLongest)) {
    const bool special = c == '%' || (in_title && (c == ':' || c == ','));
    safe += special ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return safe;
}

std::string command(const char* kind, std::string_view title, std::string_view message) {
  return fmt::format("::{} title={}::{}\n", kind, escaped(title, true), escaped(message, false));
}

std::string name_of(const Row& row) {
  return fmt::format("{} on {}", row.capture.name, describe(row.placement));
}

std::string finding_of(const Row& row) {
  if (!row.verification.agrees() || (row.stop == StopReason::failed && !row.unattributed_seconds)) {
    return command("error", "outputs differ", name_of(row) + ": outputs are not what the replay demands");
  }
  if (row.stop == StopReason::budget || row.stop == StopReason::not_steady) {
    return command(
        "warning", "not converged",
        fmt::format("{}: {}", name_of(row),
                    row.stop == StopReason::budget ? "the budget ran out before the interval was narrow"
                                                   : "the runs kept moving to the end"));
  }
  return "";
}

std::string finding_of(const Report& report, const Comparison& comparison) {
  if (comparison.verdict == ComparisonVerdict::equivalent) {
    return "";
  }
  const char* kind = comparison.verdict == ComparisonVerdict::regression    ? "error"
                     : comparison.verdict == ComparisonVerdict::improvement ? "notice"
                                                                            : "warning";
  const Row& row = report.rows.at(static_cast<std::size_t>(comparison.b));
  return command(kind, verdict_text(comparison),
                 fmt::format("{}: {} {} ({}), {} pairs, could have seen {}", name_of(row), comparison.metric,
                             format_change(comparison.median_ratio), interval_text(comparison),
                             comparison.pairs, detectable_text(comparison)));
}

}  // namespace

std::string github_annotations(const Report& report) {
  std::string text;
  for (const Row& row : report.rows) {
    text += finding_of(row);
  }
  for (const Comparison& comparison : report.comparisons) {
    text += finding_of(report, comparison);
  }
  return text;
}

}  // namespace reprise::harness
