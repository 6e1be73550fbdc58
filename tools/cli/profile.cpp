/// reprise profile: where the time of one call goes, kernel by kernel.
#include <fmt/format.h>

#include "harness/profile/profile_replay.h"
#include "harness/report/assemble.h"
#include "harness/report/console.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

std::string summary_line(const harness::ReplayProfile& profile) {
  const bool reconciled = profile.n_records == profile.n_dispatches;
  return fmt::format("profiling cost {:+.1f} % of the call's time; {} kernels recorded, {} dispatched{}\n",
                     profile.overhead * 100, profile.n_records, profile.n_dispatches,
                     reconciled ? "" : ": RECORDS ARE MISSING");
}

}  // namespace

void add_profile(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("profile", "Show where the time of a captured call goes, kernel by kernel");
  struct Flags {
    std::string file;
    int runs = 5;
  };
  auto flags = std::make_shared<Flags>();
  set_examples(*command,
               "Examples:\n"
               "  reprise profile call.safetensors\n"
               "  reprise profile call.safetensors --backend reference --json profile.json\n");
  command->add_option("FILE", flags->file, "A capture file")->type_name("")->required();
  auto output = std::make_shared<ReportFlags>(*command, ReportFlags::Formats::json);
  command->add_option("--runs", flags->runs, "Profiled runs, in turn with as many plain ones (default 5)")
      ->check(whole_number(1, 1000));
  auto model = std::make_shared<ModelFlags>(*command);
  auto mode = std::make_shared<ModeFlags>(*command);
  auto placement = std::make_shared<PlacementFlags>(*command);
  command->callback([=, &exit_code] {
    const NamedCapture named = read_named_capture(flags->file);
    output->check();
    harness::ModelFinder finder = model->finder();
    harness::WeightPool pool;
    harness::EngineReplay replay(named.capture, finder.find(named.capture),
                                 {placement->placement(), mode->mode()}, pool);
    harness::Row row = describe_row(named, replay);
    ProgressLine progress;
    row.verification = replay.verify();
    harness::Report report = empty_report();
    std::string summary;
    const bool agrees = row.verification.agrees();
    if (agrees) {
      progress.show(fmt::format("profiling {}", named.name));
      const harness::ReplayProfile profile =
          harness::profile_replay(replay, report.machine.roofline, flags->runs);
      add_profile(row, profile.profile);
      row.stop = harness::StopReason::max_runs;
      summary = summary_line(profile);
    }
    progress.clear();
    report.rows.push_back(std::move(row));
    output->publish(report,
                    agrees ? harness::kernel_table(report.rows.front()) + summary : console_text(report));
    exit_code = exit_code_of(report);
  });
}

}  // namespace reprise::cli
