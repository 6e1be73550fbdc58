/// The wall clock as text, for files that say when they were made.
#pragma once

#include <fmt/chrono.h>

#include <chrono>
#include <string>

namespace reprise::engine {

/// ISO 8601, UTC, whole seconds: "2026-01-31T12:00:00Z".
inline std::string utc_now() {
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
}

}  // namespace reprise::engine
