/// A history as tables on a console. Used by tools/cli.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "harness/regress/history/detect.h"

namespace reprise::harness {

/// One line a track: what it is of, how many points, the newest.
std::string list_table(std::span<const Track> tracks);

/// One line a change, and below what was searched and how many newest levels are worse; that alone where
/// there is no change. Models and machines are named where there are several.
std::string changes_table(std::span<const TrackChanges> tracks);

/// "3 series on 2 branches".
std::string extent_of(std::span<const TrackChanges> tracks);

/// "1.234 ms", "5061 tokens/s", "1.2e+99 B": four digits of a figure in its unit, which is as it is: to be
/// made fit for where it is shown.
std::string format_figure(double value, std::string_view unit);

/// "+12.3 %", "-4.0 %", "from 0".
std::string format_change(const ChangePoint& change);

/// "last good .. first changed", hashes by their first 12 digits: "0123456789ab-dirty", "release-2026-01".
std::string commit_range(const Change& change);

}  // namespace reprise::harness
