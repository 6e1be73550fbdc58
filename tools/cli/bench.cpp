/// reprise bench: the matrix of a specification.
#include <fmt/format.h>

#include "engine/core/error.h"
#include "harness/report/console.h"
#include "harness/report/markdown.h"
#include "harness/report/report_json.h"
#include "tools/cli/app.h"
#include "tools/cli/bench_spec.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"

namespace reprise::cli {
namespace {

struct BenchFlags {
  std::string spec;
  std::vector<std::string> captures;
  std::string json;
  std::string markdown;
};

MatrixPlan plan_of(const BenchSpec& spec, const std::vector<std::string>& more_captures) {
  MatrixPlan plan;
  plan.placements = spec.placements;
  plan.mode = spec.mode;
  plan.measure = spec.measure;
  plan.seed = spec.seed;
  plan.profile = spec.profile;
  for (const auto& path : spec.captures) {
    plan.captures.push_back(read_named_capture(path.string()));
  }
  for (const std::string& path : more_captures) {
    plan.captures.push_back(read_named_capture(path));
  }
  if (plan.captures.empty()) {
    fail(ErrorCode::invalid_argument, "{}: captures: expected at least one here or on the command line, found none",
         spec.name);
  }
  return plan;
}

/// The comparison table, and under it the kernels of the fastest row that was profiled.
std::string console_text(const harness::Report& report) {
  std::string text = harness::comparison_table(report);
  const harness::Row* fastest = nullptr;
  for (const harness::Row& row : report.rows) {
    const auto total = row.metrics.find("total_seconds");
    const bool usable = !row.cost_centres.empty() && total != row.metrics.end();
    if (usable && (fastest == nullptr || total->second.value < fastest->metrics.at("total_seconds").value)) {
      fastest = &row;
    }
  }
  if (fastest != nullptr) {
    text += "\nKernels of the fastest row:\n" + harness::kernel_table(*fastest);
  }
  return text;
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("bench", "Measure captures over a matrix of placements, as a specification says");
  auto flags = std::make_shared<BenchFlags>();
  command->add_option("SPEC", flags->spec, "A specification (specs/README.md explains the grammar)")->required();
  command->add_option("CAPTURE", flags->captures, "Captures, besides those the specification names");
  command->add_option("--json", flags->json, "Write the report here (\"-\": standard output, without the tables)");
  command->add_option("--markdown", flags->markdown, "Write the comparison table as Markdown here");
  auto model = std::make_shared<ModelFlags>(*command);
  command->callback([=, &exit_code] {
    const MatrixPlan plan = plan_of(read_bench_spec(flags->spec), flags->captures);
    harness::ModelFinder finder = model->finder();
    const harness::Report report = run_matrix(plan, finder);
    if (!flags->json.empty()) {
      write_output(flags->json, harness::to_text(report));
    }
    if (!flags->markdown.empty()) {
      write_output(flags->markdown, harness::markdown_comparison_table(report));
    }
    if (flags->json != "-") {
      write_output("-", console_text(report));
    }
    exit_code = exit_code_of(report);
  });
}

}  // namespace reprise::cli
