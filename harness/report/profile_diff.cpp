#include "harness/report/profile_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "engine/core/check.h"
#include "engine/io/printable.h"
#include "harness/report/text_table.h"
#include "harness/report/units.h"
#include "harness/report/verdict_table.h"

namespace reprise::harness {
namespace {

struct Side {
  std::int64_t calls = 0;
  double seconds = 0;
};

struct Line {
  std::string phase;
  std::string name;
  Side a;
  Side b;

  [[nodiscard]] double change() const { return b.seconds - a.seconds; }
};

/// Centres of both, greatest change first; of equal ones by name.
std::vector<Line> lines_of(const Row& a, const Row& b) {
  std::map<std::pair<std::string, std::string>, Line> lines;
  const auto add = [&](const Row& row, Side Line::*side) {
    for (const CostCentre& centre : row.cost_centres) {
      Line& line = lines[{centre.phase, centre.name}];
      line.phase = centre.phase;
      line.name = centre.name;
      (line.*side).calls += centre.calls;
      (line.*side).seconds += centre.seconds;
    }
  };
  add(a, &Line::a);
  add(b, &Line::b);
  std::vector<Line> sorted;
  for (auto& [key, line] : lines) {
    sorted.push_back(std::move(line));
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const Line& one, const Line& other) {
    return std::abs(one.change()) > std::abs(other.change());
  });
  return sorted;
}

std::string calls_text(const Line& line) {
  return line.a.calls == line.b.calls ? fmt::format("{}", line.a.calls)
                                      : fmt::format("{} to {}", line.a.calls, line.b.calls);
}

void add_line(TextTable& table, const Line& line, double total_change) {
  const bool is_sum = line.phase.empty();
  constexpr double kNoMinus = 0.0;  // -0 + 0 is 0: no change is neither more nor less
  table.add_row({engine::printable(line.phase, 24), engine::printable(line.name, 40),
                 is_sum ? "" : calls_text(line), format_seconds(line.a.seconds),
                 format_seconds(line.b.seconds), format_seconds_change(line.change()),
                 line.a.seconds > 0 ? format_change(line.b.seconds / line.a.seconds) : "-",
                 total_change != 0 ? format_percent(line.change() / total_change + kNoMinus) : "-"});
}

}  // namespace

std::string profile_diff_table(const Row& a, const Row& b) {
  REPRISE_CHECK(a.unattributed_seconds && b.unattributed_seconds);
  std::vector<Line> lines = lines_of(a, b);
  lines.push_back({"", "unattributed", {0, *a.unattributed_seconds}, {0, *b.unattributed_seconds}});
  Line total = {"", "total", {}, {}};
  for (const Line& line : lines) {
    total.a.seconds += line.a.seconds;
    total.b.seconds += line.b.seconds;
  }
  lines.push_back(total);
  TextTable table;
  for (const auto& [heading, align] : {std::pair{"phase", Align::left},
                                       {"kernel", Align::left},
                                       {"calls", Align::right},
                                       {"a", Align::right},
                                       {"b", Align::right},
                                       {"change", Align::right},
                                       {"", Align::right},
                                       {"of total", Align::right}}) {
    table.add_column(heading, align);
  }
  // Sums of equal parts in another order differ by roundings.
  const bool changed = std::abs(total.change()) > 1e-12 * std::abs(total.a.seconds);
  for (const Line& line : lines) {
    add_line(table, line, changed ? total.change() : 0);
  }
  return table.to_text() +
         "two profiles, not taken in turns: for a verdict, reprise compare or reprise gate\n";
}

}  // namespace reprise::harness
