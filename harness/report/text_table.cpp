#include "harness/report/text_table.h"

#include <algorithm>
#include <utility>

#include "engine/core/check.h"

namespace reprise::harness {
namespace {

std::string padded(const std::string& text, std::size_t width, Align align) {
  const std::string padding(width - display_width(text), ' ');
  return align == Align::left ? text + padding : padding + text;
}

}  // namespace

std::string markdown_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
      continue;
    }
    if (c == '&') {
      escaped += "&amp;";
      continue;
    }
    if (std::string_view("\\|*_`[]~").find(c) != std::string_view::npos) {
      escaped += '\\';
    }
    escaped += c;
  }
  return escaped;
}

std::size_t display_width(std::string_view text) {
  const auto continues = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; };
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

void TextTable::add_column(std::string heading, Align align) {
  REPRISE_CHECK(rows_.empty());
  columns_.push_back({std::move(heading), align});
}

void TextTable::add_row(std::vector<std::string> cells) {
  REPRISE_CHECK(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

std::string TextTable::to_text() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(display_width(columns_[i].heading));
    for (const auto& row : rows_) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  std::string text;
  const auto add_line = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      line += i == 0 ? "" : "  ";
      line += padded(cell_of(i), widths[i], columns_[i].align);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  add_line([&](std::size_t i) { return columns_[i].heading; });
  add_line([&](std::size_t i) { return std::string(widths[i], '-'); });
  for (const auto& row : rows_) {
    add_line([&](std::size_t i) { return row[i]; });
  }
  return text;
}

std::string TextTable::to_markdown() const {
  std::string text;
  const auto add_line = [&](const auto& cell_of) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      text += "| " + cell_of(i) + " ";
    }
    text += "|\n";
  };
  add_line([&](std::size_t i) { return markdown_escaped(columns_[i].heading); });
  add_line([&](std::size_t i) { return std::string(columns_[i].align == Align::left ? ":---" : "---:"); });
  for (const auto& row : rows_) {
    add_line([&](std::size_t i) { return markdown_escaped(row[i]); });
  }
  return text;
}

}  // namespace reprise::harness
