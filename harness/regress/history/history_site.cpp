#include "harness/regress/history/history_site.h"

#include <fmt/format.h>

#include <string_view>

#include "harness/regress/history/history_chart.h"
#include "harness/regress/history/history_text.h"
#include "harness/regress/history/html_text.h"
#include "harness/report/units.h"

namespace reprise::harness {
namespace {

/// The policy lets the page run its own script, by the digest of kScript's text, have its style, and load
/// nothing.
constexpr const char* kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline';
    script-src 'sha256-H67jXdSGZxllFpIaV+oz2tfrhJn+K/Rg4cSK8MF1QuM='">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Benchmark history</title>
<style>
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --soft: #59636e; --line: #d1d9e0;
  --point: #0969da; --worse: #cf222e; --better: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --text: #e6edf3;
  --soft: #9198a1; --line: #30363d; --point: #58a6ff; --worse: #ff7b72;
  --better: #3fb950; } }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; background: var(--back); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0 1.5rem; }
th, td { text-align: left; padding: 0.25rem 0.6rem; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
a { color: var(--point); }
h2 { font-size: 1.1rem; margin: 2rem 0 0; }
p.soft { color: var(--soft); margin: 0.2rem 0; }
svg { width: 100%; height: auto; }
.label { fill: var(--soft); font-size: 11px; }
.grid { stroke: var(--line); }
.interval { stroke: var(--point); opacity: 0.45; }
.point { fill: var(--point); }
.level { stroke: var(--text); stroke-width: 1.5; opacity: 0.7; }
.change { stroke-width: 1.5; stroke-dasharray: 4 3; }
line.regression { stroke: var(--worse); } line.improvement { stroke: var(--better); }
td.regression { color: var(--worse); } td.improvement { color: var(--better); }
label { margin-right: 1.5rem; }
</style>
</head>
<body>
<h1>Benchmark history</h1>
)";

constexpr const char* kScript = R"(<script>
"use strict";
const text = document.getElementById("filter");
const changed = document.getElementById("changed");
function filter() {
  const words = text.value.toLowerCase().split(/\s+/);
  for (const row of document.querySelectorAll("#series tbody tr")) {
    const content = row.textContent.toLowerCase();
    const shown = words.every(word => content.includes(word)) &&
      (!changed.checked || row.dataset.changes !== "0");
    row.hidden = !shown;
    document.getElementById(row.dataset.section).hidden = !shown;
  }
}
text.addEventListener("input", filter);
changed.addEventListener("change", filter);
filter();
</script>
</body>
</html>
)";

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : html_escaped(text);
}

/// `content` is markup.
std::string cell(const std::string& content, std::string_view classes = "") {
  return classes.empty() ? "<td>" + content + "</td>"
                         : fmt::format("<td class=\"{}\">{}</td>", classes, content);
}

std::string newest_change(const TrackChanges& found) {
  if (found.changes.empty()) {
    return cell("-");
  }
  const Change& change = found.changes.back();
  return cell(fmt::format("{} {}, {}", name_of(change.kind), format_change(change.at),
                          html_escaped(commit_range(change))),
              name_of(change.kind));
}

std::string row_of(const TrackChanges& found, std::size_t index) {
  const Track& track = found.track;
  const Series& s = track.series;
  return fmt::format("<tr data-section=\"s{}\" data-changes=\"{}\">", index, found.changes.size()) +
         cell(fmt::format("<a href=\"#s{}\">{}</a>", index, or_dash(s.capture_name))) +
         cell(or_dash(s.metric)) + cell(or_dash(placement_label(s.placement))) +
         cell(or_dash(s.machine_description)) + cell(or_dash(track.branch)) +
         cell(fmt::format("{}", track.points.size()), "number") +
         cell(html_escaped(format_figure(track.points.back().value, s.unit)), "number") +
         newest_change(found) + "</tr>\n";
}

std::string changes_of(const TrackChanges& found) {
  if (found.changes.empty()) {
    return found.enough_points ? "<p class=\"soft\">No change found.</p>\n"
                               : "<p class=\"soft\">Too few points to show any change.</p>\n";
  }
  std::string text =
      "<table><thead><tr><th>Change</th><th>Last good .. first changed</th><th>When</th>"
      "<th class=\"number\">Before</th><th class=\"number\">After</th><th class=\"number\">By</th>"
      "<th class=\"number\">p</th></tr></thead><tbody>\n";
  const std::string& unit = found.track.series.unit;
  for (const Change& change : found.changes) {
    text += "<tr>" + cell(std::string(name_of(change.kind)), name_of(change.kind)) +
            cell(html_escaped(change.last_good.commit + " .. " + change.first_changed.commit)) +
            cell(change.last_good.created + " .. " + change.first_changed.created) +
            cell(html_escaped(format_figure(change.at.before, unit)), "number") +
            cell(html_escaped(format_figure(change.at.after, unit)), "number") +
            cell(format_change(change.at), "number") + cell(fmt::format("{:.2g}", change.at.p), "number") +
            "</tr>\n";
  }
  return text + "</tbody></table>\n";
}

std::string section_of(const TrackChanges& found, std::size_t index) {
  const Track& track = found.track;
  const Series& s = track.series;
  const std::size_t n = track.points.size();
  std::string drawn = counted(n, "point");
  if (n > kMaxPointsDrawn) {
    drawn += fmt::format(", the newest {} drawn", kMaxPointsDrawn);
  }
  const std::string about =
      fmt::format("{} · {} · branch {} · {} is better · {}", or_dash(placement_label(s.placement)),
                  or_dash(s.machine_description), or_dash(track.branch), name_of(s.better), drawn);
  return fmt::format("<section id=\"s{}\"><h2>{} {}</h2><p class=\"soft\">{}</p>\n", index,
                     html_escaped(s.capture_name), html_escaped(s.metric), about) +
         history_chart(found) + changes_of(found) + "</section>\n";
}

}  // namespace

std::string history_page(std::span<const TrackChanges> tracks, const std::string& created) {
  std::size_t n_changes = 0;
  std::string rows;
  std::string sections;
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    n_changes += tracks[i].changes.size();
    rows += row_of(tracks[i], i);
    sections += section_of(tracks[i], i);
  }
  return kHead +
         fmt::format(
             "<p class=\"soft\">{}, {}. Made {}; the figures are in "
             "<a href=\"history.json\">history.json</a>.</p>\n",
             extent_of(tracks), counted(n_changes, "change"), html_escaped(created)) +
         "<p><label>Filter <input type=\"search\" id=\"filter\"></label>"
         "<label><input type=\"checkbox\" id=\"changed\"> with changes only</label></p>\n"
         "<table id=\"series\"><thead><tr><th>Capture</th><th>Metric</th><th>Placement</th><th>Machine</th>"
         "<th>Branch</th><th class=\"number\">Points</th><th class=\"number\">Newest</th>"
         "<th>Newest change</th></tr></thead><tbody>\n" +
         rows + "</tbody></table>\n" + sections + kScript;
}

}  // namespace reprise::harness
