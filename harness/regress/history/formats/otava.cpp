#include "harness/regress/history/formats/otava.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "engine/core/error.h"
#include "engine/io/csv.h"
#include "engine/io/printable.h"
#include "harness/regress/history/time_text.h"

namespace reprise::harness {
namespace {

using engine::CsvRecord;

[[noreturn]] void wrong(const std::string& source, std::size_t line, const std::string& column,
                        std::string_view expected, const std::string& found) {
  fail(ErrorCode::invalid_data, "{}: line {}: {}: expected {}, found '{}'", source, line,
       engine::printable(column), expected, engine::printable(found));
}

/// A field as a number, also one that is none to a history.
std::optional<double> number_of(std::string_view field) {
  const std::size_t first = field.find_first_not_of(" \t");
  const std::size_t last = field.find_last_not_of(" \t");
  if (first == std::string_view::npos) {
    return std::nullopt;
  }
  field = field.substr(first, last - first + 1);
  field.remove_prefix(field.starts_with('+') ? 1 : 0);
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (end != field.data() + field.size() || error == std::errc::invalid_argument) {
    return std::nullopt;
  }
  return error == std::errc() ? value : HUGE_VAL;  // a number that no double holds
}

bool is_empty(const std::string& field) {
  return field.find_first_not_of(" \t") == std::string::npos;
}

/// The columns of a table by what they mean.
struct Columns {
  std::optional<std::size_t> time;
  std::optional<std::size_t> commit;
  std::optional<std::size_t> branch;
  std::vector<std::size_t> metrics;
};

/// Numbers and nothing else: a hash or a version that looks like a number in some lines is none in others.
bool holds_numbers(const std::vector<CsvRecord>& table, std::size_t i) {
  bool any = false;
  for (std::size_t row = 1; row < table.size(); ++row) {
    const std::string& field = table[row].fields[i];
    if (!is_empty(field) && !number_of(field)) {
      return false;
    }
    any = any || !is_empty(field);
  }
  return any;
}

/// `chosen`: the metrics by name; none: those that look like it.
Columns columns_of(const std::vector<CsvRecord>& table, const std::string& source,
                   std::span<const std::string> chosen) {
  Columns columns;
  const std::vector<std::string>& names = table.front().fields;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!seen.insert(names[i]).second) {
      wrong(source, table.front().line, names[i], "each column once", names[i]);
    }
    if (names[i] == "time") {
      columns.time = i;
    } else if (names[i] == "commit") {
      columns.commit = i;
    } else if (names[i] == "branch") {
      columns.branch = i;
    } else if (chosen.empty() ? holds_numbers(table, i)
                              : std::find(chosen.begin(), chosen.end(), names[i]) != chosen.end()) {
      columns.metrics.push_back(i);
    }
  }
  if (!columns.time) {
    wrong(source, table.front().line, "time", "a column of this name", "none");
  }
  for (const std::string& name : chosen) {
    if (!seen.contains(name) || name == "time" || name == "commit" || name == "branch") {
      wrong(source, table.front().line, name, "a column of this name with figures", "none");
    }
  }
  return columns;
}

double figure_of(const CsvRecord& record, std::size_t i, const std::string& metric,
                 const std::string& source) {
  const std::optional<double> value = number_of(record.fields[i]);
  if (!value || !(std::abs(*value) <= kMaxFigure)) {
    wrong(source, record.line, metric, fmt::format("a number up to {}", kMaxFigure), record.fields[i]);
  }
  return *value;
}

std::string column_name(const ForeignPoint& point) {
  return point.name + "/" + point.metric;
}

/// One line of the table.
struct Run {
  const ForeignReport* report = nullptr;
  std::map<std::string, double> values;  ///< by column
};

/// In the order of their first reports. A column that stands twice at one place is of another run.
std::vector<Run> runs_of(std::span<const ForeignReport> reports) {
  std::vector<Run> runs;
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<std::size_t>> at_place;
  for (const ForeignReport& report : reports) {
    std::vector<std::size_t>& here = at_place[{report.created, report.commit, report.branch}];
    for (const ForeignPoint& point : report.points) {
      const std::string column = column_name(point);
      const auto with_room = std::find_if(
          here.begin(), here.end(), [&](std::size_t run) { return !runs[run].values.contains(column); });
      const std::size_t run = with_room == here.end() ? runs.size() : *with_room;
      if (with_room == here.end()) {
        here.push_back(run);
        runs.push_back({&report, {}});
      }
      runs[run].values.emplace(column, point.value);
    }
  }
  return runs;
}

/// In how many runs each column has a figure.
std::map<std::string, std::size_t> columns_in(const std::vector<Run>& runs) {
  std::map<std::string, std::size_t> columns;
  for (const Run& run : runs) {
    for (const auto& [column, value] : run.values) {
      ++columns[column];
    }
  }
  return columns;
}

}  // namespace

std::vector<ForeignReport> read_otava(std::string_view text, const std::string& source, Better better,
                                      std::span<const std::string> chosen) {
  const std::vector<CsvRecord> table = engine::read_csv(text, source);
  if (table.empty()) {
    fail(ErrorCode::invalid_data, "{}: expected a line of column names, found nothing", source);
  }
  const Columns columns = columns_of(table, source, chosen);
  const std::vector<std::string>& names = table.front().fields;
  const std::string test = std::filesystem::path(source).stem().string();
  std::vector<ForeignReport> reports;
  for (std::size_t row = 1; row < table.size(); ++row) {
    const CsvRecord& record = table[row];
    const std::string& time = record.fields[*columns.time];
    const std::optional<std::string> created = utc_text(time);
    if (!created) {
      wrong(source, record.line, "time", "a time such as 2026-01-31T12:00:00Z", time);
    }
    ForeignReport report;
    report.source = fmt::format("{}: line {}", source, record.line);
    report.created = *created;
    report.commit = columns.commit ? record.fields[*columns.commit] : "";
    report.branch = columns.branch ? record.fields[*columns.branch] : "";
    for (const std::size_t i : columns.metrics) {
      if (!is_empty(record.fields[i])) {
        const double value = figure_of(record, i, names[i], source);
        report.points = {{test, names[i], "", direction_of(names[i], better), value, std::nullopt, 0}};
        reports.push_back(report);
      }
    }
  }
  std::stable_sort(reports.begin(), reports.end(),
                   [](const ForeignReport& a, const ForeignReport& b) { return a.created < b.created; });
  return reports;
}

ForeignFile write_otava(std::span<const ForeignReport> reports) {
  const std::vector<Run> runs = runs_of(reports);
  const std::map<std::string, std::size_t> columns = columns_in(runs);
  std::vector<std::string> header = {"time", "commit", "branch"};
  for (const auto& [column, n] : columns) {
    header.push_back(column);
  }
  ForeignFile file{engine::csv_line(header)};
  std::size_t written = 0;
  for (const Run& run : runs) {
    if (run.values.size() < columns.size()) {
      file.left_out += run.values.size();
      continue;
    }
    ++written;
    std::vector<std::string> fields = {run.report->created, run.report->commit, run.report->branch};
    for (const auto& [column, value] : run.values) {
      fields.push_back(fmt::format("{}", value));  // the fewest digits that give back the same bits
    }
    file.text += engine::csv_line(fields);
  }
  if (written == 0 && !runs.empty()) {
    const auto rarest = std::min_element(columns.begin(), columns.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
    fail(ErrorCode::invalid_argument,
         "export: expected a run with a figure in every column, found none: '{}' has one in {} of {} runs; "
         "choose series with --filter",
         engine::printable(rarest->first), rarest->second, runs.size());
  }
  return file;
}

}  // namespace reprise::harness
