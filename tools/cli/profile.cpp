/// reprise profile: where the time of one call goes, kernel by kernel.
#include <fmt/format.h>

#include "harness/profile/profile_replay.h"
#include "harness/report/assemble.h"
#include "harness/report/console.h"
#include "harness/report/report_json.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"

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
  auto* command = app.add_subcommand("profile", "Show where the time of a captured call goes, kernel by kernel");
  struct Flags {
    std::string file;
    std::string json;
    int runs = 5;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("FILE", flags->file, "A capture file")->required();
  command->add_option("--json", flags->json, "Write the report here (\"-\": standard output, without the table)");
  command->add_option("--runs", flags->runs, "Profiled runs, in turn with as many plain ones (default 5)")
      ->check(CLI::Range(1, 1000));
  auto model = std::make_shared<ModelFlags>(*command);
  auto mode = std::make_shared<ModeFlags>(*command);
  auto placement = std::make_shared<PlacementFlags>(*command);
  command->callback([=, &exit_code] {
    const NamedCapture named = read_named_capture(flags->file);
    harness::ModelFinder finder = model->finder();
    harness::WeightPool pool;
    harness::Report report = empty_report();
    harness::EngineReplay replay(named.capture, finder.find(named.capture), {placement->placement(), mode->mode()}, pool);
    harness::Row row = describe_row(named, replay);
    row.verification = replay.verify();
    std::string summary;
    if (row.verification.agrees()) {
      const harness::ReplayProfile profile = harness::profile_replay(replay, report.machine.roofline, flags->runs);
      add_profile(row, profile.profile);
      row.stop = harness::StopReason::max_runs;
      summary = summary_line(profile);
    }
    report.rows.push_back(std::move(row));
    if (!flags->json.empty()) {
      write_output(flags->json, harness::to_text(report));
    }
    if (flags->json != "-") {
      write_output("-", harness::kernel_table(report.rows.front()) + summary);
    }
    exit_code = exit_code_of(report);
  });
}

}  // namespace reprise::cli
