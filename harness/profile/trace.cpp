#include "harness/profile/trace.h"

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "harness/profile/spans.h"

namespace reprise::harness {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kProcess = 1;
constexpr int kThread = 1;

Json name_event(const char* what, const std::string& name) {
  return {{"ph", "M"}, {"name", what}, {"pid", kProcess}, {"tid", kThread}, {"args", {{"name", name}}}};
}

const char* category_of(const Span& span) {
  return span.event                       ? "kernel"
         : span.depth == 0                ? "phase"
         : span.name.starts_with("token") ? "token"
                                          : "layer";
}

Json arguments_of(const TimelineEvents& events, std::size_t i) {
  Json arguments = {{"bytes", events.bytes[i]}, {"flops", events.flops[i]}};
  if (events.rows[i] > 0) {
    arguments["rows"] = events.rows[i];
    arguments["columns"] = events.columns[i];
  }
  if (events.terms[i] > 0) {
    arguments["terms"] = events.terms[i];
  }
  return arguments;
}

/// Perfetto counts in whole nanoseconds, and drops a kernel that would end after its layer by one of them:
/// ends are rounded, and durations follow from them.
std::int64_t nanoseconds(Seconds seconds) {
  return std::llround(1e9 * seconds);
}

Json event_of(const Span& span, const TimelineEvents& events) {
  const std::int64_t begin = nanoseconds(span.begin);
  const std::int64_t end = nanoseconds(span.end);
  Json event = {{"ph", "X"},
                {"name", span.name},
                {"cat", category_of(span)},
                {"pid", kProcess},
                {"tid", kThread},
                {"ts", static_cast<double>(begin) / 1e3},
                {"dur", static_cast<double>(end - begin) / 1e3}};
  if (span.event) {
    event["args"] = arguments_of(events, *span.event);
  }
  return event;
}

}  // namespace

std::string chrome_trace(const Timeline& timeline, const std::string& title, const std::string& track) {
  Json events = Json::array({name_event("process_name", title), name_event("thread_name", track)});
  for (const Span& span : spans_of(timeline)) {
    events.push_back(event_of(span, timeline.events));
  }
  return Json{{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}}.dump(
             -1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace reprise::harness
