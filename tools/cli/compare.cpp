/// reprise compare: two placements, or two builds, in turns on one machine; or two reports that were written
/// before.
#include <fmt/format.h>

#include <algorithm>

#include "harness/regress/paired_report.h"
#include "harness/regress/stored_reports.h"
#include "harness/report/report_json.h"
#include "harness/report/verdict_table.h"
#include "tools/cli/app.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"
#include "tools/cli/paired_again.h"
#include "tools/cli/paired_run.h"
#include "tools/cli/usage.h"

namespace reprise::cli {
namespace {

using harness::ComparisonVerdict;

struct CompareFlags {
  std::vector<std::string> files;
  std::string a;
  std::string b;
  std::string a_bin;
  std::string b_bin;
  std::string model;
  double budget = 60;
  double band = 0.01;
  double confidence = 0.99;
  int processes = 1;
  std::uint64_t seed = 1;
  bool no_noise_floor = false;
  bool no_where = false;
  bool no_confirm = false;
  bool strict = false;
  bool force = false;
};

bool has(const harness::Report& report, ComparisonVerdict verdict) {
  return std::any_of(report.comparisons.begin(), report.comparisons.end(),
                     [&](const harness::Comparison& comparison) { return comparison.verdict == verdict; });
}

int exit_code_of_comparisons(const harness::Report& report, bool strict) {
  if (exit_code_of(report) != kPass) {
    return kOutputsDiffer;
  }
  if (has(report, ComparisonVerdict::regression)) {
    return kRegression;
  }
  return strict && has(report, ComparisonVerdict::inconclusive) ? kInconclusive : kPass;
}

std::vector<std::string> arm_flags(const CompareFlags& flags, const std::string& own) {
  std::vector<std::string> words = split_words(own);
  if (!flags.model.empty()) {
    words.insert(words.end(), {"--model", flags.model});
  }
  return words;
}

PairPlan plan_of(const CompareFlags& flags, const std::string& capture) {
  PairPlan plan;
  plan.a = {"a", flags.a_bin.empty() ? own_program() : flags.a_bin, arm_flags(flags, flags.a)};
  plan.b = {"b", flags.b_bin.empty() ? own_program() : flags.b_bin, arm_flags(flags, flags.b)};
  plan.capture = capture;
  plan.paired.budget_seconds = flags.budget;
  plan.paired.seed = flags.seed;
  plan.paired.ratio.band = flags.band;
  plan.paired.ratio.confidence = flags.confidence;
  plan.processes = flags.processes;
  plan.profile_pairs = flags.no_where ? 0 : kProfilePairs;
  return plan;
}

void compare_capture(const CompareFlags& flags, const std::string& file, harness::Report& report,
                     ProgressLine& progress) {
  PairPlan plan = plan_of(flags, file);
  if (!flags.no_noise_floor) {
    plan.paired.ratio.band = std::max(plan.paired.ratio.band, noise_floor(plan, progress));
  }
  const PairedRun run = run_pairs(plan, progress);
  const std::vector<std::size_t> added = add_paired(report, run.a, run.b, run.result, plan.paired.ratio);
  if (added.empty() || flags.no_confirm) {
    return;
  }
  const std::span<harness::Comparison> comparisons =
      std::span(report.comparisons).subspan(added.front(), added.size());
  if (std::any_of(comparisons.begin(), comparisons.end(), [](const harness::Comparison& comparison) {
        return comparison.verdict == ComparisonVerdict::regression;
      })) {
    harness::confirm_regressions(comparisons, compare_again(plan, plan.paired.ratio, progress));
  }
}

/// Both are reports, or both are captures.
bool are_reports(const std::vector<std::string>& files) {
  return files.size() == 2 && files[0].ends_with(".json") && files[1].ends_with(".json");
}

harness::Report compare_stored(const CompareFlags& flags) {
  return harness::compare_reports(harness::read_report(flags.files[0]), harness::read_report(flags.files[1]),
                                  flags.files[0], flags.files[1], flags.band, flags.force);
}

harness::Report compare_live(const CompareFlags& flags) {
  if (flags.a == flags.b && flags.a_bin == flags.b_bin) {
    fail(ErrorCode::invalid_argument,
         "compare: --b: expected flags or a build that differ from those of --a, found the same");
  }
  ProgressLine progress;
  harness::Report compared;
  for (const std::string& file : flags.files) {
    compare_capture(flags, file, compared, progress);
  }
  progress.show("measuring the machine's limits");
  harness::Report report = empty_report();  // takes seconds: errors come first
  progress.clear();
  report.rows = std::move(compared.rows);
  report.comparisons = std::move(compared.comparisons);
  return report;
}

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("compare", "Slower, faster, the same, or can't tell: two arms, run in turns");
  set_examples(
      *command,
      "Examples:\n"
      "  reprise compare call.safetensors --a \"--precision f32\" --b \"--precision bf16\"\n"
      "  reprise compare call.safetensors --a-bin build/before/reprise --b-bin build/after/reprise\n"
      "  reprise compare before.json after.json\n\n"
      "Exit code: 0 no regression, 1 a regression, 2 inconclusive (with --strict), 3 outputs differ.\n");
  auto flags = std::make_shared<CompareFlags>();
  command->add_option("FILE", flags->files, "Captures; or two reports, a first")->type_name("")->required();
  command->add_option("--a", flags->a, "Placement flags of arm a, the one before")
      ->type_name("FLAGS")
      ->group("Arms");
  command->add_option("--b", flags->b, "Placement flags of arm b, the one after")
      ->type_name("FLAGS")
      ->group("Arms");
  command->add_option("--a-bin", flags->a_bin, "The program of arm a (default: this one)")
      ->type_name("FILE")
      ->group("Arms");
  command->add_option("--b-bin", flags->b_bin, "The program of arm b (default: this one)")
      ->type_name("FILE")
      ->group("Arms");
  command->add_option("--model", flags->model, "The model of both arms, if not where the capture says")
      ->group("Arms");
  command->add_option("--budget", flags->budget, "Seconds at most for the pairs of each capture (default 60)")
      ->check(number_from(0.001, 1e6))
      ->group("Measuring");
  command->add_option("--band", flags->band, "The relative change that does not matter (default 0.01)")
      ->check(number_from(0.0, 10.0))
      ->group("Measuring");
  command->add_option("--confidence", flags->confidence, "Of intervals and verdicts (default 0.99)")
      ->check(number_from(0.5, 0.9999))
      ->group("Measuring");
  command->add_option("--processes", flags->processes, "Pairs of processes, one after the other (default 1)")
      ->check(whole_number(1, 1000))
      ->group("Measuring");
  command->add_option("--seed", flags->seed, "Of the order of turns (default 1)")->group("Measuring");
  command
      ->add_flag("--no-noise-floor", flags->no_noise_floor,
                 "Don't widen the band to what a shows against itself")
      ->group("Measuring");
  command->add_flag("--no-where", flags->no_where, "Don't profile where the change is")->group("Measuring");
  command->add_flag("--no-confirm", flags->no_confirm, "Don't repeat a regression in fresh processes")
      ->group("Measuring");
  command->add_flag("--strict", flags->strict, "Exit code 2 when a verdict is inconclusive");
  command->add_flag("--force", flags->force, "Compare reports of different machines or models all the same");
  auto output = std::make_shared<ReportFlags>(*command, ReportFlags::Formats::json);
  command->callback([=, &exit_code] {
    output->check();
    const harness::Report report = are_reports(flags->files) ? compare_stored(*flags) : compare_live(*flags);
    output->publish(report, harness::verdict_table(report));
    exit_code = exit_code_of_comparisons(report, flags->strict);
  });
}

}  // namespace reprise::cli
