/// Text in HTML and SVG. Used by history_site.h and history_chart.h.
#pragma once

#include <string>
#include <string_view>

namespace reprise::harness {

/// As text or as an attribute's value in quotes: nothing in it is markup. Control characters become spaces.
std::string html_escaped(std::string_view text);

}  // namespace reprise::harness
