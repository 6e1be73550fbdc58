#include "harness/measure/steady_part.h"

#include <algorithm>
#include <cmath>

#include "engine/core/check.h"
#include "harness/stats/dependence.h"
#include "harness/stats/median_sequence.h"
#include "harness/stats/summary.h"
#include "harness/stats/warmup.h"

namespace reprise::harness {
namespace {

/// Runs after the cold one by which blocks are sized: the choice is settled early, or blocks would be cut
/// anew with every run.
constexpr std::size_t kSizingRuns = 15;
constexpr double kMostRunsPerBlock = 9999;

std::size_t runs_in_a_block(std::span<const Seconds> runs) {
  if (runs.size() < 2) {
    return 1;
  }
  const Seconds typical = median(runs.subspan(1, std::min(runs.size() - 1, kSizingRuns)));
  if (typical >= kBlockSeconds) {
    return 1;
  }
  const double wanted = typical > 0 ? std::ceil(kBlockSeconds / typical) : kMostRunsPerBlock;
  return static_cast<std::size_t>(std::min(wanted, kMostRunsPerBlock)) | 1U;
}

}  // namespace

SteadyPart find_steady_part(std::span<const Seconds> runs, std::size_t min_warmup) {
  REPRISE_CHECK(!runs.empty() && min_warmup >= 1);
  SteadyPart part;
  part.warmup_runs = std::min(min_warmup, runs.size());
  part.runs_per_block = runs_in_a_block(runs);
  const std::vector<double> blocks = block_medians(runs.subspan(part.warmup_runs), part.runs_per_block);
  const auto warmup = warmup_length(blocks);
  part.found = warmup.has_value();
  part.trend = trend(std::span(blocks).subspan(warmup.value_or(0)));
  part.warmup_runs += warmup.value_or(0) * part.runs_per_block;
  return part;
}

std::vector<double> block_medians(std::span<const double> values, std::size_t runs_per_block) {
  REPRISE_CHECK(runs_per_block >= 1);
  std::vector<double> medians;
  for (std::size_t first = 0; first + runs_per_block <= values.size(); first += runs_per_block) {
    medians.push_back(median(values.subspan(first, runs_per_block)));
  }
  return medians;
}

std::vector<double> block_medians_or_median(std::span<const double> values, std::size_t runs_per_block) {
  REPRISE_CHECK(!values.empty());
  std::vector<double> blocks = block_medians(values, runs_per_block);
  return blocks.empty() ? std::vector<double>{median(values)} : blocks;
}

MedianEstimate estimate_median(std::span<const double> blocks, double confidence) {
  const double inflation = sign_variance_inflation(blocks);
  return {median(blocks), median_confidence_interval(blocks, confidence, inflation), blocks.size(),
          static_cast<double>(blocks.size()) / inflation};
}

}  // namespace reprise::harness
