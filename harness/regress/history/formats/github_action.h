/// The array of github-action-benchmark's tools customSmallerIsBetter and customBiggerIsBetter, both ways:
/// [{"name", "unit", "value", "range", "extra"}]. A file has one direction; which one stands in the workflow.
///
/// Source: https://github.com/benchmark-action/github-action-benchmark, README, "tool"; `range` is free text
///         that its own extractors fill with "± half-width".
#pragma once

#include <string>
#include <string_view>

#include "harness/regress/history/formats/foreign.h"

namespace reprise::harness {

/// Every entry is the metric `value` of its name. A `range` such as "± 3", "+/- 3" or "± 1.5%" becomes the
/// interval around the value; other text there says nothing. Errors: those of read_foreign; a name that
/// stands twice.
ForeignReport read_github_action(std::string_view text, const std::string& source, Better better);

/// The metrics of this direction, the others left out. An entry's name is "benchmark/metric", of the metric
/// `value` the benchmark's alone. An uneven interval is written as its wider side.
ForeignFile write_github_action(const ForeignReport& report, Better better);

}  // namespace reprise::harness
