#include "tools/cli/gate_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/regress/compared_metrics.h"
#include "tools/cli/flags.h"
#include "tools/cli/matrix.h"
#include "tools/cli/paired_again.h"

namespace reprise::cli {
namespace {

using harness::Gate;
using harness::GateRow;

/// The flags of `runs` that give this placement, whatever the build's defaults are.
std::vector<std::string> flags_of(const engine::Placement& placement) {
  const engine::PlacementFields fields = engine::to_fields(placement);
  return {"--backend",      fields.backend,      "--isa",      fields.isa,
          "--precision",    fields.precision,    "--kv-cache", fields.kv_cache ? "on" : "off",
          "--kv-precision", fields.kv_precision, "--threads",  fmt::format("{}", fields.threads),
          "--numerics",     fields.numerics};
}

std::vector<std::string> arm_flags(const GatePlan& plan, const engine::Placement& placement) {
  std::vector<std::string> flags = flags_of(placement);
  if (!plan.model.empty()) {
    flags.insert(flags.end(), {"--model", plan.model});
  }
  if (plan.spec.mode) {
    flags.emplace_back(*plan.spec.mode == harness::ReplayMode::free ? "--free" : "--forced");
  }
  return flags;
}

/// The pairs of every row. Sampling goes on until a verdict would stand among all metrics of the gate.
std::vector<PairPlan> pair_plans(const GatePlan& plan) {
  const std::size_t n_rows = plan.spec.captures.size() * plan.spec.placements.size();
  std::vector<PairPlan> pairs;
  for (const auto& capture : plan.spec.captures) {
    for (const engine::Placement& placement : plan.spec.placements) {
      PairPlan pair;
      pair.a = {"base", plan.base, arm_flags(plan, placement)};
      pair.b = {"head", plan.head, arm_flags(plan, placement)};
      pair.capture = capture.string();
      pair.paired.budget_seconds = plan.budget_seconds;
      pair.paired.seed = plan.seed;
      pair.paired.ratio.band = plan.band;
      pair.paired.ratio.confidence =
          harness::confidence_of_each(plan.options.confidence, n_rows * std::size(harness::kComparedMetrics));
      pair.processes = plan.processes;
      pair.profile_pairs = kProfilePairs;
      pair.counts = true;
      pairs.push_back(std::move(pair));
    }
  }
  return pairs;
}

/// What intervals and verdicts in the report are of.
harness::RatioOptions reported(const PairPlan& plan, const harness::GateOptions& options) {
  harness::RatioOptions ratio = plan.paired.ratio;
  ratio.confidence = options.confidence;
  return ratio;
}

GateRow measure_row(PairPlan& plan, Gate& gate, ProgressLine& progress) {
  GateRow row;
  row.noise_floor = noise_floor(plan, progress);
  plan.paired.ratio.band = std::max(plan.paired.ratio.band, row.noise_floor);
  const PairedRun run = run_pairs(plan, progress);
  row.a = std::ssize(gate.report.rows);
  row.b = row.a + 1;
  add_paired(gate.report, run.a, run.b, run.result, reported(plan, gate.options));
  const harness::PairedSession& last = run.result.sessions.back();
  if (last.stop == harness::PairedStop::failed) {
    row.a_differs = last.a_failed;
    row.b_differs = !last.a_failed || !run.b.verification.agrees();
  }
  if (run.a_counts && run.b_counts) {
    row.counts = harness::count_changes(*run.a_counts, *run.b_counts);
  }
  gate.a = run.a.tool;
  gate.b = run.b.tool;
  return row;
}

}  // namespace

Gate run_gate(const GatePlan& plan) {
  ProgressLine progress;
  std::vector<PairPlan> pairs = pair_plans(plan);
  for (const PairPlan& pair : pairs) {
    progress.show(fmt::format("trying both builds on {}", pair.capture));
    try_arms(pair);
  }
  Gate gate;
  gate.options = plan.options;
  for (PairPlan& pair : pairs) {
    GateRow row = measure_row(pair, gate, progress);
    gate.rows.push_back(std::move(row));
  }
  harness::adjust_for_family(gate.report.comparisons, plan.options.confidence);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (needs_confirmation(gate, gate.rows[i])) {
      const auto again = compare_again(pairs[i], reported(pairs[i], plan.options), progress);
      harness::confirm_regressions(comparisons_of(gate.report, gate.rows[i]), again);
    }
  }
  progress.show("measuring the machine's limits");
  harness::Report about = empty_report();
  about.rows = std::move(gate.report.rows);
  about.comparisons = std::move(gate.report.comparisons);
  gate.report = std::move(about);
  return gate;
}

}  // namespace reprise::cli
