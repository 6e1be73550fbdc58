/// What replays of the representative calls say about a log's total, and how sure that is: which part of the
/// log's time all its calls would take here, each by its median. Pure; beside selection.h, whose
/// predict_total answers for the log's own times.
///
/// The interval holds what is not known when the log is: which call of each cluster might have been taken,
/// since another would have made another of its cost model's seconds, and how the replays scatter. So each
/// resample draws, for every cluster, the ratio of logged to modelled seconds of one of its calls, and the
/// median of as many replays as told apart. Logged outliers count as the fence they lie beyond, since a
/// median has none. The log's own noise stays in those ratios, and cannot be told from what makes calls
/// differ: the interval is wide rather than sure of too much. Nor does it know a machine that stays in one
/// state for the whole of the replays, or one whose costs have proportions that change the ratios more than
/// the log shows. harness/README.md ("Representative calls") has its coverage on synthetic days. Used by
/// `reprise capture select`.
#pragma once

#include <span>
#include <vector>

#include "harness/regress/selection.h"

namespace reprise::harness {

/// One representative, replayed.
struct ReplayedCall {
  double seconds = 0;           ///< median of the samples
  std::vector<double> samples;  ///< seconds, at least one
  double n_effective = 1;       ///< independent samples that would tell as much
};

/// `replays`: of the representatives, in their order. The difference is to the log's total.
Prediction predict_from_replays(const LoggedCalls& log, const Selection& selection,
                                std::span<const ReplayedCall> replays,
                                const BootstrapOptions& bootstrap = {});

}  // namespace reprise::harness
