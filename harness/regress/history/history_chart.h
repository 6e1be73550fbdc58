/// One track as a picture: an SVG element to stand in an HTML page, which gives the classes their colours.
/// Points in order, equally spaced, with their intervals; the levels before and after each change, over the
/// points that they are medians of; a line at each change.
/// Used by history_site.h.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "harness/regress/history/detect.h"

namespace reprise::harness {

/// Of longer tracks the newest are drawn.
inline constexpr std::size_t kMaxPointsDrawn = 400;

/// Classes: grid, label, interval, point, level, change with regression or improvement.
std::string history_chart(const TrackChanges& track);

/// Between 3 and 8 round numbers (1, 2 or 5 times a power of 10) that lie within [low, high], low < high.
/// Source: Heckbert 1990, "Nice numbers for graph labels", Graphics Gems.
std::vector<double> axis_ticks(double low, double high);

}  // namespace reprise::harness
