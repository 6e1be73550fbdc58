/// reprise bench: the matrix of a specification.
#include <fmt/format.h>

#include "engine/core/error.h"
#include "tools/cli/app.h"
#include "tools/cli/bench_spec.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

struct BenchFlags {
  std::string spec;
  std::vector<std::string> captures;
};

MatrixPlan plan_of(const BenchFlags& flags) {
  const BenchSpec spec = read_bench_spec(flags.spec);
  MatrixPlan plan;
  plan.placements = spec.placements;
  plan.mode = spec.mode;
  plan.measure = spec.measure;
  plan.seed = spec.seed;
  plan.profile = spec.profile;
  for (const auto& path : spec.captures) {
    plan.captures.push_back(read_named_capture(path.string()));
  }
  for (const std::string& path : flags.captures) {
    plan.captures.push_back(read_named_capture(path));
  }
  if (plan.captures.empty()) {
    fail(ErrorCode::invalid_argument,
         "{}: captures: expected at least one here or on the command line, found none", flags.spec);
  }
  return plan;
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("bench", "Measure captures over a matrix of placements, as a specification says");
  auto flags = std::make_shared<BenchFlags>();
  set_examples(*command,
               "A specification, in short (specs/README.md has the whole grammar):\n"
               "  {\"schema\": \"reprise.spec/1\", \"name\": \"mine\",\n"
               "   \"placements\": [{\"precision\": [\"f32\", \"bf16\"], \"threads\": [1, 2]}]}\n");
  command->add_option("SPEC", flags->spec, "A specification: a JSON file")->type_name("")->required();
  command->add_option("CAPTURE", flags->captures, "Captures, besides those the specification names")
      ->type_name("");
  auto output = std::make_shared<ReportFlags>(*command, ReportFlags::Formats::json_and_markdown);
  auto model = std::make_shared<ModelFlags>(*command);
  command->callback([=, &exit_code] {
    const MatrixPlan plan = plan_of(*flags);
    output->check();
    harness::ModelFinder finder = model->finder();
    const harness::Report report = run_matrix(plan, finder);
    output->publish(report, console_text(report));
    exit_code = exit_code_of(report);
  });
}

}  // namespace reprise::cli
