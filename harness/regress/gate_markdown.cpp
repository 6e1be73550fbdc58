#include "harness/regress/gate_markdown.h"

#include <fmt/format.h>

#include "engine/io/printable.h"
#include "harness/regress/gate_table.h"

namespace reprise::harness {
namespace {

constexpr std::size_t kLongestCommand = 4000;

}  // namespace

std::string gate_markdown(const Gate& gate) {
  std::string text =
      fmt::format("## Gate: {}\n\n**{}**\n\n{}. Of this run, {}.\n", gate_headline(gate), gate_counts(gate),
                  markdown_escaped(gate_builds(gate)), gate_sensitivity(gate));
  if (has_rows(gate)) {
    text += "\n" + gate_rows(gate).to_markdown();
  }
  const std::vector<std::string> notes = gate_notes(gate);
  if (!notes.empty()) {
    text += "\n";
  }
  for (const std::string& note : notes) {
    text += "- " + markdown_escaped(note) + "\n";
  }
  // Indented, not fenced: no name in it can end the block.
  return text + "\nTo see the same again:\n\n    " + engine::printable(gate.command, kLongestCommand) + "\n";
}

}  // namespace reprise::harness
