/// A history as JSON: `history list --json`, `history detect --json` and the site's history.json. The format
/// is specs/schema/history.schema.json. Used by tools/cli and history_site.h.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "harness/regress/history/detect.h"

namespace reprise::harness {

inline constexpr std::string_view kHistorySchema = "reprise.history/1";

/// Which parts of every track are written besides what it is.
struct HistoryParts {
  bool points = false;
  bool changes = false;
};

/// `created`: when the document is made. Every track has points.
std::string history_json(std::span<const TrackChanges> tracks, HistoryParts parts,
                         const std::string& created);

}  // namespace reprise::harness
