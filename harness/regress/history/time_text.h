/// Times of reports and foreign files in one spelling, by which they sort: UTC, whole seconds, ISO 8601,
/// "2026-01-31T12:00:00Z". Not a clock: see engine/core/utc_time.h. Used by history.h and formats.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace reprise::harness {

/// The time in that spelling, or nothing where `text` is none from 1970 to 9999. Understands
///   ISO 8601 with variations found in the wild: "2026-01-31", "2026-01-31 12:00", "2026-01-31T12:00:00.25Z",
///   "2026.01.31 3:00:00 +0100"; without a zone it is UTC; fractions of a second are dropped
///   seconds since 1970, 9 to 11 digits, and milliseconds, 12 or 13 digits: "1769860800"
std::optional<std::string> utc_text(std::string_view text);

}  // namespace reprise::harness
