#include "harness/regress/history/detect.h"

#include <algorithm>
#include <utility>

#include "engine/core/check.h"

namespace reprise::harness {
namespace {

ChangeKind kind_of(const ChangePoint& change, Better better) {
  const bool rose = change.after > change.before;
  return rose == (better == Better::lower) ? ChangeKind::regression : ChangeKind::improvement;
}

std::vector<Change> changes_of(const Track& track, const ChangePointOptions& options) {
  const std::size_t n = std::min(track.points.size(), kMaxChangePointSeries);
  const std::size_t first = track.points.size() - n;
  std::vector<double> values;
  for (std::size_t i = first; i < track.points.size(); ++i) {
    values.push_back(track.points[i].value);
  }
  std::vector<Change> changes;
  for (ChangePoint at : change_points(values, options)) {
    at.index += first;
    if (at.after != at.before) {
      changes.push_back(
          {at, kind_of(at, track.series.better), track.points[at.index - 1], track.points[at.index]});
    }
  }
  return changes;
}

}  // namespace

std::string_view name_of(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::regression:
      return "regression";
    case ChangeKind::improvement:
      return "improvement";
  }
  REPRISE_CHECK(false);
}

TrackChanges detect(Track track, const ChangePointOptions& options) {
  check_options(options);
  std::vector<Change> changes = changes_of(track, options);
  const bool enough = track.points.size() >= fewest_points(options);
  return {std::move(track), std::move(changes), enough};
}

}  // namespace reprise::harness
