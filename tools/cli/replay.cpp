/// reprise replay: captured calls at one placement, one row each.
#include <fmt/format.h>

#include "harness/report/console.h"
#include "harness/report/report_json.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"

namespace reprise::cli {

void add_replay(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("replay", "Perform captured calls again: check the outputs, then time them");
  struct Flags {
    std::vector<std::string> files;
    std::string json;
    bool profile = false;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("FILE", flags->files, "Capture files; one row each")->required();
  command->add_option("--json", flags->json, "Write the report here (\"-\": standard output, without the table)");
  command->add_flag("--profile", flags->profile, "Add cost centres, from runs of their own");
  auto model = std::make_shared<ModelFlags>(*command);
  auto mode = std::make_shared<ModeFlags>(*command);
  auto placement = std::make_shared<PlacementFlags>(*command);
  auto measure = std::make_shared<MeasureFlags>(*command);
  command->callback([=, &exit_code] {
    MatrixPlan plan;
    plan.placements = {placement->placement()};
    plan.mode = mode->mode();
    plan.measure = measure->options();
    plan.profile = flags->profile;
    for (const std::string& file : flags->files) {
      plan.captures.push_back(read_named_capture(file));
    }
    harness::ModelFinder finder = model->finder();
    const harness::Report report = run_matrix(plan, finder);
    if (!flags->json.empty()) {
      write_output(flags->json, harness::to_text(report));
    }
    if (flags->json != "-") {
      write_output("-", harness::comparison_table(report));
    }
    exit_code = exit_code_of(report);
  });
}

}  // namespace reprise::cli
