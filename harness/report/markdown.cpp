#include "harness/report/markdown.h"

#include "harness/report/comparison_rows.h"

namespace reprise::harness {

std::string markdown_comparison_table(const Report& report) {
  const ComparisonRows rows = comparison_rows(report);
  std::string text = rows.table.to_markdown();
  for (const std::string& note : rows.notes) {
    text += "\n";
    text += note.starts_with('*') ? "\\" + note : note;  // a leading asterisk would start a list
    text += "\n";
  }
  return text;
}

}  // namespace reprise::harness
