/// What a comparison of two arms found, as text: a line a metric, and for totals that changed, where. Used by
/// tools/cli for compare and gate.
#pragma once

#include <string>

#include "harness/report/report.h"
#include "harness/report/text_table.h"

namespace reprise::harness {

/// A row a comparison: capture, metric, change of b against a, its interval, verdict, pairs, and the smallest
/// slow-down that could have been seen.
TextTable verdict_rows(const Report& report);

/// The table, what its verdicts mean where they need saying, and under it, for every total that changed, the
/// part of the call and the cost centres where it did.
std::string verdict_table(const Report& report);

/// "+2.31 %": a ratio as a relative change.
std::string format_change(double ratio);
/// "+1.200 ms".
std::string format_seconds_change(double seconds);

/// Cells of the table: "regression, twice"; "+1.20 % .. +3.40 %"; "2.5 %". "-" for what is not known.
std::string verdict_text(const Comparison& comparison);
std::string interval_text(const Comparison& comparison);
std::string detectable_text(const Comparison& comparison);

}  // namespace reprise::harness
