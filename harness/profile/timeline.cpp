#include "harness/profile/timeline.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

namespace reprise::harness {

std::string_view phase_of_token(std::int64_t token) {
  return token == 0 ? "prefill" : "decode";
}

std::string problem_of(const Timeline& timeline) {
  const TimelineEvents& e = timeline.events;
  for (const auto& [name, size] :
       {std::pair{"token", e.token.size()}, std::pair{"layer", e.layer.size()},
        std::pair{"start_seconds", e.start_seconds.size()}, std::pair{"seconds", e.seconds.size()},
        std::pair{"bytes", e.bytes.size()}, std::pair{"flops", e.flops.size()},
        std::pair{"rows", e.rows.size()}, std::pair{"columns", e.columns.size()},
        std::pair{"terms", e.terms.size()}}) {
    if (size != timeline.size()) {
      return fmt::format("events.{}: expected {} entries, as in events.kernel, found {}", name,
                         timeline.size(), size);
    }
  }
  for (std::size_t i = 0; i < timeline.kernels.size(); ++i) {
    if (timeline.kernels[i].empty()) {
      return fmt::format("kernels[{}]: expected a name, found none", i);
    }
  }
  Seconds end = 0;
  for (std::size_t i = 0; i < timeline.size(); ++i) {
    if (static_cast<std::uint64_t>(e.kernel[i]) >= timeline.kernels.size()) {
      return fmt::format("events.kernel[{}]: expected index of one of {} kernels, found {}", i,
                         timeline.kernels.size(), e.kernel[i]);
    }
    if (!(e.seconds[i] >= 0) || !std::isfinite(e.seconds[i])) {
      return fmt::format("events.seconds[{}]: expected at least 0, found {}", i, e.seconds[i]);
    }
    constexpr Seconds kRounding = 1e-9;
    if (!(e.start_seconds[i] >= end - kRounding)) {
      return fmt::format(
          "events.start_seconds[{}]: expected at least {}, the end of the event before, found {}", i, end,
          e.start_seconds[i]);
    }
    end = e.start_seconds[i] + e.seconds[i];
  }
  return "";
}

void TimelineBuilder::add(const engine::KernelRecord& record, std::int64_t token) {
  TimelineEvents& e = timeline_.events;
  if (overflow_ || e.kernel.size() == kMaxTimelineEvents) {
    overflow_ = true;
    return;
  }
  auto known = index_.find(record.name);
  if (known == index_.end()) {
    known = index_.emplace(record.name, std::ssize(timeline_.kernels)).first;
    timeline_.kernels.emplace_back(record.name);
  }
  if (e.kernel.empty()) {
    zero_ = record.start_seconds;
  }
  e.kernel.push_back(known->second);
  e.token.push_back(token);
  e.layer.push_back(record.layer == engine::kNoLayer ? std::nullopt
                                                     : std::optional<std::int64_t>(record.layer));
  e.start_seconds.push_back(record.start_seconds - zero_);
  e.seconds.push_back(record.seconds);
  e.bytes.push_back(record.cost.bytes);
  e.flops.push_back(record.cost.flops);
  e.rows.push_back(record.shape.rows);
  e.columns.push_back(record.shape.columns);
  e.terms.push_back(record.shape.terms);
}

std::optional<Timeline> TimelineBuilder::build() && {
  if (overflow_) {
    return std::nullopt;
  }
  return std::move(timeline_);
}

}  // namespace reprise::harness
