/// A history as one HTML page that needs nothing else: a table of the series with a filter, and for each a
/// chart and its changes. Follows the reader's light or dark setting; loads nothing from anywhere. Used by
/// tools/cli, which puts history_json.h's text beside it.
#pragma once

#include <span>
#include <string>

#include "harness/regress/history/detect.h"

namespace reprise::harness {

/// `created`: when the page is made. Every track has points.
std::string history_page(std::span<const TrackChanges> tracks, const std::string& created);

}  // namespace reprise::harness
