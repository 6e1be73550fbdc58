#include "harness/report/colours.h"

#include <array>

namespace reprise::harness {
namespace {

struct Word {
  std::string_view text;
  std::string_view colour;
};

constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kPlain = "\x1b[0m";

/// What cells say. A capture may have such a name: it is then coloured too, which does no harm.
constexpr std::array kWords = {
    Word{"identical", kGreen},    Word{"improvement", kGreen},    Word{"DIFFER", kRed},
    Word{"FAILED", kRed},         Word{"regression", kRed},       Word{"inconclusive", kYellow},
    Word{"NO (budget)", kYellow}, Word{"NO (max runs)", kYellow}, Word{"NO (not steady)", kYellow}};

/// A cell begins after two spaces or at the line's start, and ends before a space or the line's end.
bool is_cell(std::string_view text, std::size_t at, std::size_t end) {
  const bool begins = at == 0 || text[at - 1] == '\n' || text.substr(0, at).ends_with("  ");
  return begins && (end == text.size() || text[end] == ' ' || text[end] == '\n' || text[end] == ',');
}

}  // namespace

std::string coloured(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const Word* found = nullptr;
    for (const Word& word : kWords) {
      if (text.substr(at).starts_with(word.text) && is_cell(text, at, at + word.text.size())) {
        found = &word;
      }
    }
    if (found == nullptr) {
      result += text[at++];
      continue;
    }
    result += found->colour;
    result += found->text;
    result += kPlain;
    at += found->text.size();
  }
  return result;
}

}  // namespace reprise::harness
