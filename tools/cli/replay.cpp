/// reprise replay: captured calls at one placement, one row each.
#include <fmt/format.h>

#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"
#include "tools/cli/usage.h"

namespace reprise::cli {

void add_replay(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("replay", "Perform captured calls again: check the outputs, then time them");
  struct Flags {
    std::vector<std::string> files;
    bool profile = false;
  };
  auto flags = std::make_shared<Flags>();
  set_examples(*command,
               "Examples:\n"
               "  reprise replay call.safetensors --precision bf16 --threads 2\n"
               "  reprise replay before/*.safetensors --free --json report.json\n");
  command->add_option("FILE", flags->files, "Capture files; one row each")->type_name("")->required();
  auto output = std::make_shared<ReportFlags>(*command, ReportFlags::Formats::json_and_markdown);
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
    output->check();
    harness::ModelFinder finder = model->finder();
    const harness::Report report = run_matrix(plan, finder);
    output->publish(report, console_text(report));
    exit_code = exit_code_of(report);
  });
}

}  // namespace reprise::cli
