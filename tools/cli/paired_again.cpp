#include "tools/cli/paired_again.h"

#include <cmath>

namespace reprise::cli {
namespace {

constexpr double kNoiseShare = 0.25;  // of the budget

/// Only the timings of a plan, in another order of turns.
PairPlan timings_of(PairPlan plan, std::uint64_t seed) {
  plan.paired.seed += seed;
  plan.profile_pairs = 0;
  plan.counts = false;
  return plan;
}

}  // namespace

double noise_floor(const PairPlan& plan, ProgressLine& progress) {
  PairPlan same = timings_of(plan, 1'000'000);
  same.b = same.a;
  same.processes = 1;
  same.paired.budget_seconds *= kNoiseShare;
  const PairedRun run = run_pairs(same, progress);
  const auto ratios = harness::log_ratios(run.result.sessions, harness::Quantity::total);
  if (ratios.empty() || ratios.front().empty()) {
    return 0;
  }
  return std::expm1(std::abs(harness::estimate_ratio(ratios, same.paired.ratio).log_ratio));
}

std::vector<harness::Comparison> compare_again(const PairPlan& plan, const harness::RatioOptions& options,
                                               ProgressLine& progress) {
  const PairedRun run = run_pairs(timings_of(plan, 2'000'000), progress);
  harness::Report scratch;
  add_paired(scratch, run.a, run.b, run.result, options);
  return scratch.comparisons;
}

}  // namespace reprise::cli
