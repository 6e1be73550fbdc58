#include "harness/regress/history/history_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "engine/io/printable.h"
#include "harness/report/text_table.h"
#include "harness/report/units.h"

namespace reprise::harness {
namespace {

constexpr std::size_t kCommitDigits = 12;
constexpr const char* kNone = "-";

std::string shown(const std::string& text, std::size_t width) {
  return text.empty() ? kNone : engine::printable(text, width);
}

/// Only a hash is known by its start. What follows it, such as "-dirty", is kept.
std::string short_commit(const std::string& commit) {
  const std::size_t digits = std::min(commit.find_first_not_of("0123456789abcdefABCDEF"), commit.size());
  const bool hash = digits > kCommitDigits && (digits == commit.size() || commit[digits] == '-');
  return shown(hash ? commit.substr(0, kCommitDigits) + commit.substr(digits) : commit, 40);
}

std::string shown_figure(double value, const Series& s) {
  return format_figure(value, engine::printable(s.unit, 24));
}

/// In how many values of `what` series differ.
template <class What>
std::size_t n_different(std::span<const TrackChanges> tracks, What&& what) {
  std::set<std::string> seen;
  for (const TrackChanges& found : tracks) {
    seen.insert(what(found.track));
  }
  return seen.size();
}

TextTable table_of(const std::vector<std::pair<const char*, Align>>& columns) {
  TextTable table;
  for (const auto& [heading, align] : columns) {
    table.add_column(heading, align);
  }
  return table;
}

}  // namespace

std::string format_figure(double value, std::string_view unit) {
  const double size = std::abs(value);
  const bool plain = value == 0 || (size >= 1e-9 && size < 1e9);
  if (unit == "s" && plain) {
    return format_seconds(value);
  }
  const std::string number = plain && size >= 1e-3 ? format_number(value) : fmt::format("{:.4g}", value);
  return unit.empty() ? number : fmt::format("{} {}", number, unit);
}

std::string format_change(const ChangePoint& change) {
  return change.relative_change ? fmt::format("{:+.1f} %", 100 * *change.relative_change) : "from 0";
}

std::string commit_range(const Change& change) {
  return fmt::format("{} .. {}", short_commit(change.last_good.commit),
                     short_commit(change.first_changed.commit));
}

std::string list_table(std::span<const Track> tracks) {
  TextTable table = table_of({{"capture", Align::left},
                              {"model", Align::left},
                              {"placement", Align::left},
                              {"metric", Align::left},
                              {"machine", Align::left},
                              {"branch", Align::left},
                              {"points", Align::right},
                              {"newest commit", Align::left},
                              {"newest", Align::right}});
  for (const Track& track : tracks) {
    const Series& s = track.series;
    const Point& newest = track.points.back();
    table.add_row({shown(s.capture_name, 40), shown(s.model_name, 24),
                   shown(placement_label(s.placement), 64), shown(s.metric, 40), shown(s.machine, 24),
                   shown(track.branch, 24), fmt::format("{}", track.points.size()),
                   short_commit(newest.commit), shown_figure(newest.value, s)});
  }
  return table.to_text();
}

std::string changes_table(std::span<const TrackChanges> tracks) {
  const bool models = n_different(tracks, [](const Track& t) { return t.series.model_name; }) > 1;
  const bool machines = n_different(tracks, [](const Track& t) { return t.series.machine; }) > 1;
  std::vector<std::pair<const char*, Align>> columns = {{"capture", Align::left}};
  if (models) {
    columns.emplace_back("model", Align::left);
  }
  if (machines) {
    columns.emplace_back("machine", Align::left);
  }
  columns.insert(columns.end(), {{"placement", Align::left},
                                 {"metric", Align::left},
                                 {"branch", Align::left},
                                 {"change", Align::left},
                                 {"last good .. first changed", Align::left},
                                 {"before", Align::right},
                                 {"after", Align::right},
                                 {"by", Align::right},
                                 {"p", Align::right}});
  TextTable table = table_of(columns);
  std::size_t n_changes = 0;
  std::size_t n_regressions = 0;
  std::size_t n_too_few = 0;
  for (const TrackChanges& found : tracks) {
    const Series& s = found.track.series;
    for (const Change& change : found.changes) {
      std::vector<std::string> row = {shown(s.capture_name, 40)};
      if (models) {
        row.push_back(shown(s.model_name, 24));
      }
      if (machines) {
        row.push_back(shown(s.machine, 24));
      }
      row.insert(
          row.end(),
          {shown(placement_label(s.placement), 64), shown(s.metric, 40), shown(found.track.branch, 24),
           std::string(name_of(change.kind)), commit_range(change), shown_figure(change.at.before, s),
           shown_figure(change.at.after, s), format_change(change.at), fmt::format("{:.2g}", change.at.p)});
      table.add_row(row);
    }
    n_changes += found.changes.size();
    n_regressions += found.newest_is_regression() ? 1 : 0;
    n_too_few += found.enough_points ? 0 : 1;
  }
  std::string summary = fmt::format("{} searched, {} found; newest level worse than before: {}\n",
                                    extent_of(tracks), counted(n_changes, "change"), n_regressions);
  if (n_too_few > 0) {
    summary += fmt::format("too few points to show any change: {} of {}\n", n_too_few, tracks.size());
  }
  return n_changes == 0 ? summary : table.to_text() + summary;
}

std::string extent_of(std::span<const TrackChanges> tracks) {
  const std::size_t series = n_different(tracks, [](const Track& t) { return std::to_string(t.series.id); });
  const std::size_t branches = n_different(tracks, [](const Track& t) { return t.branch; });
  return fmt::format("{} series on {} branch{}", series, branches, branches == 1 ? "" : "es");
}

}  // namespace reprise::harness
