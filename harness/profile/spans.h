/// The scopes that the events of a timeline lie in: phase > token (of decode) > layer > kernel. They are made
/// of the events alone, so no scope can be left open or entered twice. Used by trace.h and flamegraph.h.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "harness/profile/timeline.h"

namespace reprise::harness {

struct Span {
  std::string name;
  std::size_t depth = 0;  ///< 0 for a phase; a span lies in the last one before it that is less deep
  Seconds begin = 0;
  Seconds end = 0;
  std::optional<std::size_t> event;  ///< of the timeline; absent for scopes
};

/// In the order of their beginnings, outer ones first.
std::vector<Span> spans_of(const Timeline& timeline);

}  // namespace reprise::harness
