#include "harness/profile/flamegraph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "engine/io/printable.h"
#include "harness/profile/spans.h"

namespace reprise::harness {
namespace {

using Json = nlohmann::ordered_json;

/// Names, each once, by index.
class Frames {
 public:
  std::size_t index_of(const std::string& name) {
    const auto [known, added] = index_.emplace(name, list_.size());
    if (added) {
      list_.push_back(Json{{"name", name}});
    }
    return known->second;
  }
  [[nodiscard]] Json take() { return std::move(list_); }

 private:
  std::map<std::string, std::size_t> index_;
  Json list_ = Json::array();
};

/// Every span opened and closed, the inner ones within the outer.
Json open_and_close(const std::vector<Span>& spans, Frames& frames) {
  Json events = Json::array();
  Seconds last = 0;
  // Ends are sums, and may lie a rounding beyond the next beginning; time must not go back.
  const auto add = [&](const char* type, std::size_t frame, Seconds at) {
    last = std::max(last, at);
    events.push_back({{"type", type}, {"frame", frame}, {"at", last}});
  };
  std::vector<std::pair<std::size_t, Seconds>> open;  // frame, end
  const auto close_to = [&](std::size_t depth) {
    while (open.size() > depth) {
      add("C", open.back().first, open.back().second);
      open.pop_back();
    }
  };
  for (const Span& span : spans) {
    close_to(span.depth);
    open.emplace_back(frames.index_of(span.name), span.end);
    add("O", open.back().first, span.begin);
  }
  close_to(0);
  return events;
}

/// Between semicolons, on one line.
std::string stack_frame(const std::string& name) {
  std::string frame = engine::printable(name);
  std::replace(frame.begin(), frame.end(), ';', ',');
  return frame;
}

std::string stack_line(const std::string& stack, Seconds seconds) {
  return fmt::format("{} {}\n", stack, std::llround(1e9 * seconds));
}

}  // namespace

std::string speedscope(const Timeline& timeline, const std::string& title) {
  const std::vector<Span> spans = spans_of(timeline);
  Frames frames;
  Json events = open_and_close(spans, frames);
  const Seconds end = events.empty() ? 0 : events.back()["at"].get<Seconds>();
  const Json profile = {{"type", "evented"}, {"name", title},   {"unit", "seconds"},
                        {"startValue", 0},   {"endValue", end}, {"events", std::move(events)}};
  const Json document = {{"$schema", "https://www.speedscope.app/file-format-schema.json"},
                         {"shared", {{"frames", frames.take()}}},
                         {"profiles", Json::array({profile})},
                         {"name", title},
                         {"activeProfileIndex", 0},
                         {"exporter", "reprise"}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string collapsed_stacks(const Timeline& timeline, Seconds unattributed) {
  const TimelineEvents& events = timeline.events;
  std::map<std::string, Seconds> sums;
  for (std::size_t i = 0; i < timeline.size(); ++i) {
    const std::string layer = events.layer[i] ? fmt::format("layer {};", *events.layer[i]) : "";
    sums[fmt::format("{};{}{}", phase_of_token(events.token[i]), layer, stack_frame(timeline.kernel(i)))] +=
        events.seconds[i];
  }
  std::string text;
  for (const auto& [stack, seconds] : sums) {
    text += stack_line(stack, seconds);
  }
  return unattributed > 0 ? text + stack_line("unattributed", unattributed) : text;
}

}  // namespace reprise::harness
