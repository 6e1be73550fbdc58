/// Which few of many logged calls stand for all of them, and what their times say about the whole. Pure
/// functions of lengths and seconds; knows no files and no engine.
///
/// A cost model of the lengths is fitted to the log (stats/call_cost.h). The distance between two calls is in
/// seconds: the differences of what each term contributes, and of what the model does not explain. So it is
/// never less than the difference of their times. K-medoids in it makes the clusters; of each the call next
/// to its mean is taken, because a median call costs less than the mean one where lengths are skewed, and
/// they always are.
///
/// The total is predicted as sum over clusters of t * W / w: the seconds t of the cluster's call, the
/// modelled cost W of the cluster and w of the call: the ratio estimator of sampling theory.
/// harness/README.md ("Representative calls") compares it with counting calls. Used by `reprise capture
/// select`.
///
/// Source: Cochran 1977, "Sampling Techniques", chapter 6 (ratio estimators).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/stats/bootstrap.h"
#include "harness/stats/call_cost.h"
#include "harness/stats/interval.h"

namespace reprise::harness {

/// Calls of one model at one placement, and how long they took.
struct LoggedCalls {
  std::vector<CallLengths> lengths;
  std::vector<double> seconds;  ///< from 0, not all 0
};

struct SelectionOptions {
  std::size_t k = 8;
  std::uint64_t seed = 1;
};

struct Representative {
  std::size_t call = 0;      ///< its index in the log
  std::int64_t n_calls = 0;  ///< of its cluster
  double weight = 0;         ///< how often its own cost is the cluster's: W / w
  double share = 0;          ///< of the log's seconds that the cluster took
};

struct Selection {
  CallCostModel model;
  std::vector<Representative> representatives;  ///< largest share first; fewer than k where calls are alike
  std::vector<std::size_t> cluster;             ///< [n calls]: index of the representative
};

/// `eligible` [n calls]: which may represent others, at least one.
Selection select_calls(const LoggedCalls& log, const std::vector<bool>& eligible,
                       const SelectionOptions& options = {});

/// The same for calls that somebody else has chosen: what a choice by chance would be worth.
Selection selection_of(const LoggedCalls& log, const std::vector<std::size_t>& calls);

struct Prediction {
  double total_seconds = 0;
  double difference = 0;  ///< relative, to the log's total; the error where `seconds` are the log's own
  Interval ci;            ///< of `difference`, over resamples of the log's calls
};

/// From seconds of the representatives, in their order.
Prediction predict_total(const LoggedCalls& log, const Selection& selection, std::span<const double> seconds,
                         const BootstrapOptions& bootstrap = {});

/// The log's own seconds of the representatives.
std::vector<double> logged_seconds(const LoggedCalls& log, const Selection& selection);

}  // namespace reprise::harness
