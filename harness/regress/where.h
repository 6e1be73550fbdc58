/// Where a change sits: in which part of a call, and in which kernels. Pure functions of pairs. Used by
/// paired_report.h.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "harness/measure/paired.h"
#include "harness/profile/cost_profile.h"
#include "harness/report/report.h"

namespace reprise::harness {

/// The change of the first token, and of later tokens as a line over their position: in each pair, the slope
/// is the median of the slopes between all two tokens, which a few slow tokens do not move, and the constant
/// the median of what remains. Values are medians over pairs, with their confidence sequences. Absent without
/// pairs, and where fewer than 3 later tokens were generated or not equally many in both arms. Source of the
/// line: Theil 1950, "A rank-invariant method of linear and polynomial regression analysis";
///         Sen 1968, J. Am. Statist. Assoc. 63(324).
std::optional<TokenChange> token_change(std::span<const Pair> pairs, double confidence);

/// Profiles of a run of each arm, taken in turn.
using ProfilePair = std::pair<CostProfile, CostProfile>;

/// Every centre that either arm has and the unattributed rest. Seconds are means over the pairs whose change
/// of the total is in the middle half, so that the changes add up to that of the total and stray pairs do not
/// count. p-values are of the median over all pairs, adjusted by Benjamini & Hochberg. Empty without pairs.
std::vector<CentreChange> centre_changes(std::span<const ProfilePair> pairs);

}  // namespace reprise::harness
