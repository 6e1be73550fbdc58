/// Colour for terminals. Used by tools/cli, where standard output is one.
#pragma once

#include <string>
#include <string_view>

namespace reprise::harness {

/// The text of a printer with its verdicts in colour: green for what is right or faster, red for what differs
/// or is slower, yellow for what is not known. Without the escape sequences it is the same text.
std::string coloured(std::string_view text);

}  // namespace reprise::harness
