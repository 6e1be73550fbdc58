/// What a change request is judged by: two builds, the one before (arm a, the base) and the one after (arm b,
/// the head), compared on every capture and placement of a specification. A value, and the pure functions
/// that judge it; measuring is in tools/cli, text and files are gate_table.h, gate_markdown.h, gate_junit.h
/// and gate_json.h.
///
/// Timed metrics fail the gate when they got worse for certain: p-values are adjusted for all timed metrics
/// of the gate, and a regression was seen again in fresh processes. Counts (exact_counts.h) fail it when they
/// grew at all. Neither does where an acknowledgement covers it, and timed ones do not where the machine is
/// too noisy to tell.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/regress/acknowledgements.h"
#include "harness/regress/exact_counts.h"
#include "harness/report/report.h"

namespace reprise::harness {

struct GateOptions {
  double confidence = 0.99;    ///< that no timed metric of the whole gate is a false alarm
  double max_noise = 0.05;     ///< of a row whose timings may fail the gate
  bool strict = false;         ///< inconclusive fails as well
  bool informational = false;  ///< regressions are told, and fail nothing
};

/// One capture at one placement, as measured.
struct GateRow {
  std::int64_t a = 0;  ///< indices into the report's rows
  std::int64_t b = 0;
  double noise_floor = 0;  ///< the relative change that the base build shows against itself
  bool a_differs = false;  ///< outputs of the base build differ from the capture: nothing is compared
  bool b_differs = false;  ///< those of the head build do
  std::vector<CountChange> counts;  ///< empty where outputs differ
};

/// What follows from a metric.
enum class GateStanding {
  passes,
  fails,
  acknowledged,  ///< would fail, and was accepted
  too_noisy,     ///< would fail, on a machine too noisy to tell
  undecided,     ///< inconclusive, without --strict
  not_compared,  ///< a count that one build does not have
};

/// One metric of one row, judged.
struct GateFinding {
  std::int64_t row = 0;  ///< index into Gate::rows
  std::string metric;
  std::optional<std::int64_t> comparison = {};  ///< of a timed metric: index into the report's comparisons
  std::optional<std::int64_t> count = {};       ///< of a count: index into the row's
  std::optional<ComparisonVerdict> verdict = {};
  GateStanding standing = GateStanding::passes;
  std::optional<std::int64_t> acknowledgement = {};  ///< index into Gate::acknowledgements
};

enum class AcknowledgementState { used, unused, expired };

struct ListedAcknowledgement {
  Acknowledgement entry;
  AcknowledgementState state = AcknowledgementState::unused;
};

/// The worst that was found.
enum class GateOutcome { pass, regression, inconclusive, outputs_differ };

struct Gate {
  GateOptions options;
  std::string command;  ///< that does the same again
  ToolInfo a;           ///< the base build
  ToolInfo b;
  Report report;
  std::vector<GateRow> rows;
  // By judge():
  std::vector<GateFinding> findings;  ///< row by row, timed metrics before counts
  std::vector<ListedAcknowledgement> acknowledgements;
  GateOutcome outcome = GateOutcome::pass;
};

/// "pass", "regression", "inconclusive", "outputs_differ".
std::string_view name_of(GateOutcome outcome);

/// Adjusts the p-values of all comparisons by Holm. A regression or an improvement stands only if its
/// adjusted p-value is below 1 - confidence; else it becomes inconclusive. Equivalence raises no alarm: it
/// stays.
void adjust_for_family(std::span<Comparison> comparisons, double confidence);

/// The confidence at which each of `n_metrics` must be certain on its own to be so among all of them,
/// whichever the others are: how long to sample.
double confidence_of_each(double confidence, std::size_t n_metrics);

bool is_too_noisy(const GateRow& row, const GateOptions& options);

/// Those of a row, which stand together. Of constant reports constant.
std::span<const Comparison> comparisons_of(const Report& report, const GateRow& row);
std::span<Comparison> comparisons_of(Report& report, const GateRow& row);

/// Whether a timed regression of this row would fail the gate, and so must be seen again.
bool needs_confirmation(const Gate& gate, const GateRow& row);

/// Fills in what a measured gate means. `today`: "YYYY-MM-DD".
Gate judge(Gate gate, std::span<const Acknowledgement> acknowledgements, std::string_view today);

}  // namespace reprise::harness
