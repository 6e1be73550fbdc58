/// The runs of a comparison besides the main ones: arm a against itself, which shows what this machine takes
/// for a change, and both arms once more. Used by compare and gate.
#pragma once

#include <vector>

#include "harness/report/report.h"
#include "tools/cli/paired_run.h"

namespace reprise::cli {

/// Of both arms, for the cost centres of a change.
inline constexpr int kProfilePairs = 24;

/// How far from 0 arm a lies from itself, as a relative change: a change that this machine shows where there
/// is none. Takes a quarter of the plan's budget.
double noise_floor(const PairPlan& plan, ProgressLine& progress);

/// The plan's comparisons in processes of their own, with intervals as `options` say.
std::vector<harness::Comparison> compare_again(const PairPlan& plan, const harness::RatioOptions& options,
                                               ProgressLine& progress);

}  // namespace reprise::cli
