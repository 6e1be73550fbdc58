/// A table of strings, printed as aligned text or as Markdown. Knows nothing of reports. Used by console.h
/// and markdown.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace reprise::harness {

enum class Align { left, right };

class TextTable {
 public:
  void add_column(std::string heading, Align align);
  /// One cell for each column, one line each, printable.
  void add_row(std::vector<std::string> cells);

  /// A heading, a line of dashes and the rows; two spaces between columns, none at line ends.
  [[nodiscard]] std::string to_text() const;
  /// A GitHub-flavoured table; characters that mean something in Markdown or HTML are escaped.
  [[nodiscard]] std::string to_markdown() const;

 private:
  struct Column {
    std::string heading;
    Align align;
  };
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Text that GitHub-flavoured Markdown shows as it is.
std::string markdown_escaped(std::string_view text);

/// Columns that UTF-8 text takes on a terminal, if every character takes one.
std::size_t display_width(std::string_view text);

}  // namespace reprise::harness
