/// The comparison table's content, before it has a form: which columns there are and what a cell says. One
/// source for console.h and markdown.h, so that neither can show a speed without its verdict.
#pragma once

#include <string>
#include <vector>

#include "harness/report/report.h"
#include "harness/report/text_table.h"

namespace reprise::harness {

struct ComparisonRows {
  TextTable table;
  std::vector<std::string> notes;  ///< what the marks in the table mean, for those that occur
};

ComparisonRows comparison_rows(const Report& report);

}  // namespace reprise::harness
