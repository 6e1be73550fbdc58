/// A histogram in a few characters, for tables.
#pragma once

#include <span>
#include <string>

namespace reprise::harness {

/// Counts of values in eight equal parts of their range, lowest values first: "█▃▂▁▁▁▁▂", where ▁ is none.
/// Outliers stretch it, which is what it shows. "" for fewer than three values; equal ones are one full bar.
std::string sparkline(std::span<const double> values);

}  // namespace reprise::harness
