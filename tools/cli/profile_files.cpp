#include "tools/cli/profile_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "engine/io/atomic_write.h"
#include "engine/io/gzip.h"
#include "harness/profile/flamegraph.h"
#include "harness/profile/timeline.h"
#include "harness/profile/trace.h"
#include "harness/report/futhark_json.h"
#include "harness/report/html_page.h"
#include "harness/report/report_json.h"
#include "tools/cli/flags.h"

namespace reprise::cli {
namespace {

using harness::Report;
using harness::Row;
using harness::Timeline;

std::string title_of(const Row& row) {
  return fmt::format("{}: {}", row.capture.name, describe(row.placement));
}

std::string trace_of(const Row& row, bool compressed) {
  const std::string json = harness::chrome_trace(
      *row.timeline, title_of(row), fmt::format("{} {}", row.placement.backend, row.placement.isa));
  return compressed ? engine::gzip(json) : json;
}

std::string collapsed_of(const Row& row) {
  return harness::collapsed_stacks(*row.timeline, row.unattributed_seconds.value_or(0));
}

/// A line an event, in microseconds.
std::string timeline_csv(const Timeline& timeline) {
  const harness::TimelineEvents& events = timeline.events;
  std::string text = "start_us,duration_us,phase,token,layer,kernel,rows,columns,terms,bytes,flops\n";
  for (std::size_t i = 0; i < timeline.size(); ++i) {
    text += fmt::format("{:.3f},{:.3f},{},{},{},{},{},{},{},{},{}\n", 1e6 * events.start_seconds[i],
                        1e6 * events.seconds[i], harness::phase_of_token(events.token[i]), events.token[i],
                        events.layer[i] ? fmt::format("{}", *events.layer[i]) : "", timeline.kernel(i),
                        events.rows[i], events.columns[i], events.terms[i], events.bytes[i], events.flops[i]);
  }
  return text;
}

constexpr const char* kIndexWithoutPage =
    "summary.txt        where the time goes, kernel by kernel\n"
    "report.json        the same for machines, with the timeline: reprise report report.json\n"
    "timeline.csv       every kernel in the order of time\n"
    "trace.json.gz      for ui.perfetto.dev and chrome://tracing\n"
    "speedscope.json    for speedscope.app\n"
    "stacks.txt         collapsed stacks, for flamegraph.pl and others\n"
    "futhark.json       for futhark profile and futhark benchcmp\n";

/// Name and content of each file of the folder, made one at a time.
std::vector<std::pair<const char*, std::function<std::string()>>> files_of(const Report& report,
                                                                           const std::string& summary) {
  const Row& row = report.rows.front();
  std::vector<std::pair<const char*, std::function<std::string()>>> files = {
      {"summary.txt", [&] { return title_of(row) + "\n\n" + summary; }},
      {"report.json", [&] { return harness::to_text(report); }},
      {"timeline.csv", [&] { return timeline_csv(*row.timeline); }},
      {"trace.json.gz", [&] { return trace_of(row, true); }},
      {"speedscope.json", [&] { return harness::speedscope(*row.timeline, title_of(row)); }},
      {"stacks.txt", [&] { return collapsed_of(row); }},
      {"futhark.json", [&] { return harness::futhark_json(report); }}};
  if (harness::has_html_page()) {
    files.emplace_back("index.html", [&] { return harness::html_page_of(report); });
  } else {
    files.emplace_back("index.txt", [] { return std::string(kIndexWithoutPage); });
  }
  return files;
}

/// None takes its place before all are written.
void write_folder(const std::filesystem::path& folder, const Report& report, const std::string& summary) {
  std::vector<std::unique_ptr<engine::AtomicFile>> written;
  for (const auto& [name, content] : files_of(report, summary)) {
    written.push_back(std::make_unique<engine::AtomicFile>(folder / name));
    written.back()->write(content());
  }
  for (const auto& file : written) {
    file->commit();
  }
}

}  // namespace

ProfileFiles::ProfileFiles(CLI::App& command) {
  command
      .add_option("--trace", trace_,
                  "Write every kernel as a trace for ui.perfetto.dev (compressed where it ends in .gz)")
      ->type_name("FILE")
      ->group("Other programs");
  command
      .add_option("--flamegraph", flamegraph_,
                  "Write a flame graph: for speedscope.app where it ends in .json, else collapsed stacks")
      ->type_name("FILE")
      ->group("Other programs");
  command
      .add_option("--futhark", futhark_,
                  "Write the JSON of futhark bench, which futhark profile and benchcmp read")
      ->type_name("FILE")
      ->group("Other programs");
  command.add_option("--out", folder_, "Write all of it, the report and its page into this folder")
      ->type_name("DIR")
      ->group("Other programs");
}

bool ProfileFiles::are_wanted() const {
  return !trace_.empty() || !flamegraph_.empty() || !futhark_.empty() || !folder_.empty();
}

void ProfileFiles::check() const {
  for (const auto& [flag, path] : {std::pair{"--trace", trace_}, std::pair{"--flamegraph", flamegraph_},
                                   std::pair{"--futhark", futhark_}}) {
    if (path == "-") {
      fail(ErrorCode::invalid_argument, "{}: expected a file, found -", flag);
    }
    if (!path.empty()) {
      engine::AtomicFile unused(path);
    }
  }
  if (!folder_.empty()) {
    make_folder(folder_);
    engine::AtomicFile unused(std::filesystem::path(folder_) / "report.json");
  }
}

void ProfileFiles::write(const Report& report, const std::string& summary) const {
  const Row& row = report.rows.front();
  if (are_wanted() && !row.timeline) {
    fail(ErrorCode::invalid_data,
         "profile: timeline: expected at most {} kernels, found more: profile a call of fewer tokens",
         harness::kMaxTimelineEvents);
  }
  if (!trace_.empty()) {
    write_output(trace_, trace_of(row, trace_.ends_with(".gz")));
  }
  if (!flamegraph_.empty()) {
    write_output(flamegraph_, flamegraph_.ends_with(".json")
                                  ? harness::speedscope(*row.timeline, title_of(row))
                                  : collapsed_of(row));
  }
  if (!futhark_.empty()) {
    write_output(futhark_, harness::futhark_json(report));
  }
  if (!folder_.empty()) {
    write_folder(folder_, report, summary);
  }
}

}  // namespace reprise::cli
