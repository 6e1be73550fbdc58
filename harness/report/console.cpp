#include "harness/report/console.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/printable.h"
#include "harness/clock/roofline.h"
#include "harness/report/comparison_rows.h"
#include "harness/report/units.h"

namespace reprise::harness {
namespace {

constexpr const char* kNone = "-";
constexpr const char* kAboveCeiling =
    "roofline above 100 %: the data was in a cache, faster than the memory measured, or the machine was "
    "slower "
    "while its limits were measured\n";

std::string giga(double per_second) {
  return per_second > 0 ? format_number(per_second / 1e9, 3) : kNone;
}

}  // namespace

std::string comparison_table(const Report& report) {
  const ComparisonRows rows = comparison_rows(report);
  std::string text = rows.table.to_text();
  for (const std::string& note : rows.notes) {
    text += note + "\n";
  }
  return text;
}

bool is_profile(const Report& report) {
  return report.rows.size() == 1 && report.rows.front().metrics.empty() &&
         report.rows.front().unattributed_seconds.has_value();
}

TextTable kernel_rows(const Row& row) {
  TextTable table;
  for (const auto& [heading, align] : {std::pair{"phase", Align::left},
                                       {"kernel", Align::left},
                                       {"calls", Align::right},
                                       {"time", Align::right},
                                       {"share", Align::right},
                                       {"GB/s", Align::right},
                                       {"GFLOP/s", Align::right},
                                       {"roofline", Align::right},
                                       {"of", Align::left}}) {
    table.add_column(heading, align);
  }
  double wall_seconds = *row.unattributed_seconds;
  for (const CostCentre& centre : row.cost_centres) {
    wall_seconds += centre.seconds;
    table.add_row({engine::printable(centre.phase, 24), engine::printable(centre.name, 40),
                   fmt::format("{}", centre.calls), format_seconds(centre.seconds),
                   format_percent(centre.fraction), giga(centre.bytes_per_second),
                   giga(centre.flops_per_second),
                   centre.roofline_fraction ? format_percent(*centre.roofline_fraction) : kNone,
                   centre.roofline_limit ? std::string(label_of(*centre.roofline_limit)) : kNone});
  }
  const double rest = wall_seconds > 0 ? *row.unattributed_seconds / wall_seconds : 0;
  table.add_row({"unattributed", "", "", format_seconds(*row.unattributed_seconds), format_percent(rest), "",
                 "", "", ""});
  table.add_row({"total", "", "", format_seconds(wall_seconds), format_percent(1), "", "", "", ""});
  return table;
}

std::string kernel_table(const Row& row) {
  if (!row.unattributed_seconds) {
    return "no profile was taken\n";
  }
  const bool above =
      std::any_of(row.cost_centres.begin(), row.cost_centres.end(),
                  [](const CostCentre& centre) { return centre.roofline_fraction.value_or(0) > 1; });
  return kernel_rows(row).to_text() + (above ? kAboveCeiling : "");
}

}  // namespace reprise::harness
