/// The report as GitHub-flavoured Markdown, for comments and pages. Used by tools/cli.
#pragma once

#include <string>

#include "harness/report/report.h"

namespace reprise::harness {

/// The same table and notes as comparison_table in console.h; names from outside cannot break out of their
/// cells.
std::string markdown_comparison_table(const Report& report);

}  // namespace reprise::harness
