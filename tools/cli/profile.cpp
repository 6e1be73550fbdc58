/// reprise profile: where the time of one call goes, kernel by kernel.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "harness/profile/profile_replay.h"
#include "harness/report/assemble.h"
#include "harness/report/console.h"
#include "harness/report/profile_diff.h"
#include "harness/report/report_json.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"
#include "tools/cli/profile_files.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

struct ProfileFlags {
  std::string file;
  int runs = 5;
  std::vector<std::string> diff;
};

std::string summary_line(const harness::ReplayProfile& profile) {
  const harness::ProfileOverhead& overhead = profile.overhead;
  const std::string interval = overhead.ci ? fmt::format("95 %: {:+.1f} % .. {:+.1f} %",
                                                         overhead.ci->low * 100, overhead.ci->high * 100)
                                           : "of too few pairs for an interval: --runs";
  return fmt::format("profiling cost {:+.1f} % of the call's time ({}); {} operations, each recorded\n",
                     overhead.fraction * 100, interval, profile.n_operations);
}

std::string hardware_line(const harness::HardwareProfile& hardware) {
  if (!hardware.counts) {
    return fmt::format("hardware counters: not available: {}\n", hardware.why_not);
  }
  return fmt::format(
      "hardware counters, of a plain run: {} cycles, {:.2f} instructions a cycle, {} cache misses\n",
      hardware.counts->cycles, hardware.counts->instructions_per_cycle(), hardware.counts->cache_misses);
}

/// A stored profile: a report's file, or the folder that --out wrote.
harness::Row read_profile(const std::string& path) {
  const std::filesystem::path file = std::filesystem::is_directory(path)
                                         ? std::filesystem::path(path) / "report.json"
                                         : std::filesystem::path(path);
  harness::Report report = harness::read_report(file);
  const auto found = std::find_if(report.rows.begin(), report.rows.end(), [](const harness::Row& row) {
    return row.unattributed_seconds.has_value();
  });
  if (found == report.rows.end()) {
    fail(ErrorCode::invalid_data, "{}: rows: expected one with a profile, found none", file.string());
  }
  return *found;
}

void show_diff(const std::vector<std::string>& paths) {
  const harness::Row a = read_profile(paths[0]);
  const harness::Row b = read_profile(paths[1]);
  if (a.capture.id != b.capture.id) {
    fail(ErrorCode::mismatch, "{}: capture: expected {} as in {}, found {}", paths[1], a.capture.id, paths[0],
         b.capture.id);
  }
  write_output("-", harness::profile_diff_table(a, b));
}

/// Beside --diff, which prints and writes nothing else.
void refuse_other_flags(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() > 0 && option->get_name() != "--diff") {
      fail(ErrorCode::invalid_argument, "--diff: expected no other flag beside it, found {}",
           option->get_name());
    }
  }
}

/// The row, profiled where its outputs agree; what there is to say about it goes to `summary`.
harness::Row profiled_row(const NamedCapture& named, harness::EngineReplay& replay,
                          const std::optional<harness::Roofline>& roofline,
                          const harness::ProfileOptions& options, ProgressLine& progress,
                          std::string& summary) {
  harness::Row row = describe_row(named, replay);
  row.verification = replay.verify();
  if (row.verification.agrees()) {
    progress.show(fmt::format("profiling {}", named.name));
    harness::ReplayProfile profile = harness::profile_replay(replay, roofline, options);
    add_profile(row, profile.profile, std::move(profile.timeline));
    row.hardware = profile.hardware.counts;
    row.memory = memory_of(replay);
    row.stop = harness::StopReason::max_runs;
    summary = harness::kernel_table(row) + summary_line(profile) + hardware_line(profile.hardware);
  }
  return row;
}

}  // namespace

void add_profile(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("profile", "Show where the time of a captured call goes, kernel by kernel");
  auto flags = std::make_shared<ProfileFlags>();
  set_examples(*command,
               "Examples:\n"
               "  reprise profile call.safetensors\n"
               "  reprise profile call.safetensors --backend reference --json profile.json\n"
               "  reprise profile call.safetensors --html profile.html --trace trace.json.gz\n"
               "  reprise profile call.safetensors --out before\n"
               "  reprise profile --diff before after\n");
  command->add_option("FILE", flags->file, "A capture file")->type_name("");
  auto output = std::make_shared<ReportFlags>(*command, ReportFlags::Formats::json);
  command->add_option("--runs", flags->runs, "Profiled runs, in turns with as many plain ones (default 5)")
      ->check(whole_number(1, 1000));
  command
      ->add_option("--diff", flags->diff,
                   "Instead: compare two stored profiles, by cost centre (reports, or folders of --out)")
      ->type_name("A B")
      ->expected(2);
  auto files = std::make_shared<ProfileFiles>(*command);
  auto model = std::make_shared<ModelFlags>(*command);
  auto mode = std::make_shared<ModeFlags>(*command);
  auto placement = std::make_shared<PlacementFlags>(*command);
  command->callback([=, &exit_code] {
    if (flags->file.empty() == flags->diff.empty()) {
      fail(ErrorCode::invalid_argument,
           "profile: FILE: expected a capture file, or --diff with two profiles, found {}",
           flags->file.empty() ? "neither" : "both");
    }
    if (!flags->diff.empty()) {
      refuse_other_flags(*command);
      show_diff(flags->diff);
      return;
    }
    ProgressLine progress;
    const NamedCapture named = read_named_capture(flags->file);
    output->check();
    files->check();
    harness::ModelFinder finder = model->finder();
    harness::WeightPool pool;
    harness::EngineReplay replay(named.capture, finder.find(named.capture),
                                 {placement->placement(), mode->mode()}, pool);
    harness::Report report = empty_report();
    std::string summary;
    report.rows.push_back(profiled_row(named, replay, report.machine.roofline,
                                       {flags->runs, files->are_wanted() || output->wants_html()}, progress,
                                       summary));
    progress.clear();
    const bool agrees = report.rows.front().verification.agrees();
    output->publish(report, agrees ? summary : console_text(report));
    if (agrees) {
      files->write(report, summary);
    }
    exit_code = exit_code_of(report);
  });
}

}  // namespace reprise::cli
