/// Two reports that were written before, compared. Their runs did not take turns, so what changed on the
/// machine between them counts as a change: every comparison says that it is not paired. Used by tools/cli.
#pragma once

#include <string>

#include "harness/report/report.h"

namespace reprise::harness {

/// A report of the rows that both have, of the same capture at the same placement, a's first, with a
/// comparison for each quantity that their runs have. Intervals are of the ratio of medians at `confidence`:
/// each report's own confidence sequence at half of what is missing to 1. Rows without figures are left out,
/// and of a report that compares two builds, such as gate.json, those of the earlier one.
///   name_a, name_b: the reports in errors.
/// Errors: mismatch when the machines or a capture's models differ, unless `force`; when no row is in both.
Report compare_reports(const Report& a, const Report& b, const std::string& name_a, const std::string& name_b,
                       double band, bool force, double confidence = 0.99);

}  // namespace reprise::harness
