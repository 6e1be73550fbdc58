/// Two stored profiles side by side, for people. Used by tools/cli.
#pragma once

#include <string>

#include "harness/report/report.h"

namespace reprise::harness {

/// A line a cost centre of either row, greatest change first, then the unattributed rest and the total: calls
/// and seconds of both, the change, and its share of the total's change. The profiles were not taken in
/// turns, so no line is a verdict. Both rows were profiled.
std::string profile_diff_table(const Row& a, const Row& b);

}  // namespace reprise::harness
