#include "harness/profile/spans.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reprise::harness {
namespace {

/// The scopes around an event, outermost first.
std::vector<std::string> scopes_of(const TimelineEvents& events, std::size_t i) {
  std::vector<std::string> scopes = {std::string(phase_of_token(events.token[i]))};
  if (events.token[i] > 0) {
    scopes.push_back(fmt::format("token {}", events.token[i]));
  }
  if (events.layer[i]) {
    scopes.push_back(fmt::format("layer {}", *events.layer[i]));
  }
  return scopes;
}

}  // namespace

std::vector<Span> spans_of(const Timeline& timeline) {
  const TimelineEvents& events = timeline.events;
  std::vector<Span> spans;
  std::vector<std::string> names;  // of the scopes that the event before lies in
  std::vector<std::size_t> open;   // those scopes, as indices of spans
  for (std::size_t i = 0; i < timeline.size(); ++i) {
    const std::vector<std::string> scopes = scopes_of(events, i);
    const Seconds begin = events.start_seconds[i];
    const Seconds end = begin + events.seconds[i];
    const auto shared = static_cast<std::size_t>(
        std::mismatch(scopes.begin(), scopes.end(), names.begin(), names.end()).first - scopes.begin());
    open.resize(shared);
    for (std::size_t depth = shared; depth < scopes.size(); ++depth) {
      open.push_back(spans.size());
      spans.push_back({scopes[depth], depth, begin, end, std::nullopt});
    }
    for (const std::size_t scope : open) {
      spans[scope].end = end;
    }
    spans.push_back({timeline.kernel(i), scopes.size(), begin, end, i});
    names = scopes;
  }
  return spans;
}

}  // namespace reprise::harness
