/// Changes in a history: where a track's figures changed for good, between which commits, and whether for the
/// worse. The statistics are stats/change_points.h. Used by tools/cli and the printers of histories.
#pragma once

#include <string_view>
#include <vector>

#include "harness/regress/history/series.h"
#include "harness/stats/change_points.h"

namespace reprise::harness {

enum class ChangeKind { regression, improvement };

std::string_view name_of(ChangeKind kind);

/// A change happened after `last_good` and not after `first_changed`: points of the track before and at the
/// change.
struct Change {
  ChangePoint at;  ///< index counts Track::points
  ChangeKind kind = ChangeKind::regression;
  Point last_good;
  Point first_changed;
};

struct TrackChanges {
  Track track;
  std::vector<Change> changes = {};  ///< in order
  bool enough_points = true;         ///< false: so few can show no change, whatever they are

  /// The newest level is a change for the worse from the one before it, and began at `since` (time_text.h) or
  /// later.
  [[nodiscard]] bool newest_is_regression(std::string_view since = "") const {
    return !changes.empty() && changes.back().kind == ChangeKind::regression &&
           changes.back().first_changed.created >= since;
  }
};

/// The newest kMaxChangePointSeries points of the track are searched. A change of the scatter alone, with
/// equal medians, is neither better nor worse, and left out.
///
/// Errors: invalid_argument for options out of range.
TrackChanges detect(Track track, const ChangePointOptions& options = {});

}  // namespace reprise::harness
