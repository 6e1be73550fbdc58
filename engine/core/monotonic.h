/// Seconds on the monotonic clock, for durations measured inside the engine.
#pragma once

#include <chrono>

namespace reprise::engine {

inline double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace reprise::engine
