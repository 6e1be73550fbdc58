/// A judged gate as JSON: the report of its comparisons, which everything that reads reports reads, with one
/// more member, `gate` (specs/schema/gate.schema.json). Used by tools/cli.
#pragma once

#include <string>
#include <string_view>

#include "harness/regress/gate.h"

namespace reprise::harness {

inline constexpr std::string_view kGateSchema = "reprise.gate/1";

/// As to_text of a report. Errors: invalid_data naming the field that holds a NaN or an infinity.
std::string gate_json(const Gate& gate);

}  // namespace reprise::harness
