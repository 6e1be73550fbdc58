/// A timeline that is awkward to print. For tests only.
#pragma once

#include <utility>

#include "harness/profile/timeline.h"

namespace reprise::harness {

/// Times that no binary fraction is equal to, and events of no time.
inline Timeline irregular_timeline() {
  TimelineBuilder builder;
  double start = 0;
  for (int i = 0; i < 300; ++i) {
    const double seconds = 1e-3 * (i % 7) / 3;
    builder.add({i % 3 == 0 ? "linear" : "rope", {}, seconds, 1, start, i % 10 - 1}, i / 30);
    start += seconds + 1e-5 * (i % 4);
  }
  return std::move(builder).build().value();
}

}  // namespace reprise::harness
