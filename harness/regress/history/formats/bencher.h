/// Bencher Metric Format (BMF) JSON, both ways: {"benchmark": {"measure": {"value", "lower_value",
/// "upper_value"}}}.
///
/// Source: https://bencher.dev/docs/reference/bencher-metric-format
#pragma once

#include <string>
#include <string_view>

#include "harness/regress/history/formats/foreign.h"

namespace reprise::harness {

/// The built-in measures `latency` and `throughput` have the units ns and ops/s; others have none in a file.
/// The interval is there when both its ends are. Errors: those of read_foreign.
ForeignReport read_bencher(std::string_view text, const std::string& source, Better better);

std::string write_bencher(const ForeignReport& report);

}  // namespace reprise::harness
