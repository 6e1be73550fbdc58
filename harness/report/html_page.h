/// A report as one HTML page that needs nothing else: the page of reports/viewer, which Node.js bundles and
/// the build puts into the program, with the report's JSON in it. Used by tools/cli.
#pragma once

#include <string>
#include <string_view>

#include "harness/report/report.h"

namespace reprise::harness {

/// Whether the build found Node.js and the page's packages (tools/quickstart and tools/test install both).
bool has_html_page();

/// The page of a document: the JSON of a report, of a gate, or of a history.
/// Errors: not_found when this build carries no page.
std::string html_page(std::string_view json);

/// Of a report that is at hand.
std::string html_page_of(const Report& report);

/// JSON that can stand in a script element: nothing in it ends the element, or is markup, or a line end of
/// JavaScript. The value is the same.
std::string json_for_html(std::string_view json);

}  // namespace reprise::harness
