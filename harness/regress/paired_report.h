/// Pairs of runs as rows and comparisons of a report. Used by tools/cli for compare and gate.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "harness/measure/paired.h"
#include "harness/regress/where.h"
#include "harness/report/report.h"

namespace reprise::harness {

/// What is known of an arm before anything is timed.
struct ArmInfo {
  CaptureInfo capture;
  PlacementInfo placement;
  Verification verification;
  MemoryUse memory;
  std::int64_t n_prompt_processed = 0;
  ToolInfo tool;  ///< the build
};

/// All pairs of one capture on two arms.
struct PairedResult {
  std::vector<PairedSession> sessions;  ///< one for each pair of processes
  std::vector<ProfilePair> profiles;    ///< none where nothing was profiled
};

/// Adds a row for each arm, a first, and a comparison for each quantity that the runs have: total_seconds,
/// time_to_first_token_seconds and decode_tokens_per_second. A result with a session that failed gives rows
/// without figures and no comparison. Returns the indices of the comparisons in the report.
std::vector<std::size_t> add_paired(Report& report, const ArmInfo& a, const ArmInfo& b,
                                    const PairedResult& result, const RatioOptions& options);

/// Changes the verdicts of regressions that `again`, the same comparisons in fresh processes, does not show
/// too: they become inconclusive. Sets `confirmed`.
void confirm_regressions(std::span<Comparison> comparisons, std::span<const Comparison> again);

}  // namespace reprise::harness
