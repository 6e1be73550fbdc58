/// What a backend did in one profiled run, event by event: what cost centres are the sums of. For flame
/// charts and traces. Used by profile_replay.h, the exports of this folder, and the report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backends/backend.h"
#include "harness/clock/clock.h"

namespace reprise::harness {

/// A run of more events is summed up, but has no timeline: it would take more memory than the call.
inline constexpr std::size_t kMaxTimelineEvents = 1'000'000;

/// "prefill" for the first token, "decode" for those after it.
std::string_view phase_of_token(std::int64_t token);

/// Of equal length, an entry an event, in the order of time; events never overlap.
struct TimelineEvents {
  std::vector<std::int64_t> kernel;                ///< index into Timeline::kernels
  std::vector<std::int64_t> token;                 ///< that it was done for: 0 is the first generated one
  std::vector<std::optional<std::int64_t>> layer;  ///< absent outside of layers
  std::vector<Seconds> start_seconds;              ///< after the start of the first event
  std::vector<Seconds> seconds;
  std::vector<std::int64_t> bytes;  ///< as CostRecord's
  std::vector<std::int64_t> flops;
  std::vector<std::int64_t> rows;  ///< engine::WorkShape
  std::vector<std::int64_t> columns;
  std::vector<std::int64_t> terms;
};

struct Timeline {
  std::vector<std::string> kernels;  ///< names, each once
  TimelineEvents events;

  [[nodiscard]] std::size_t size() const { return events.kernel.size(); }
  [[nodiscard]] const std::string& kernel(std::size_t event) const {
    return kernels.at(static_cast<std::size_t>(events.kernel[event]));
  }
};

/// What is wrong with a timeline from outside, as "events.layer: expected 3 entries, as in events.kernel,
/// found 2"; "" where nothing is.
std::string problem_of(const Timeline& timeline);

class TimelineBuilder {
 public:
  void add(const engine::KernelRecord& record, std::int64_t token);

  /// Absent when there were more than kMaxTimelineEvents.
  [[nodiscard]] std::optional<Timeline> build() &&;

 private:
  Timeline timeline_;
  std::map<std::string, std::int64_t, std::less<>> index_;  // of kernels
  double zero_ = 0;
  bool overflow_ = false;
};

}  // namespace reprise::harness
