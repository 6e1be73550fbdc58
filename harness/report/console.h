/// The report as plain text for terminals and logs: UTF-8, no colour, aligned in a fixed-width font.
/// Everything from outside is made printable. Returns text and prints nothing. Used by tools/cli.
#pragma once

#include <string>

#include "harness/report/report.h"
#include "harness/report/text_table.h"

namespace reprise::harness {

/// One line a row. "speed" is the median total time of the first row of the same capture over this row's;
/// where outputs differ it is marked and explained under the table, and so is every row that did not
/// converge.
std::string comparison_table(const Report& report);

/// Whether the report is of `reprise profile`: one row, profiled and not measured.
bool is_profile(const Report& report);

/// The cost centres of a row that was profiled, the unattributed rest, and the total.
TextTable kernel_rows(const Row& row);

/// The cost centres of one row with their shares of the wall time, the unattributed rest, and the total.
/// A row that was not profiled gives one line that says so.
std::string kernel_table(const Row& row);

}  // namespace reprise::harness
