/// When a GPU did what: an event before and one after each launch and copy, read when all are done.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/kernels/hip/calls.h"
#include "engine/kernels/hip/device.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {

class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() {
    for (const hipEvent_t event : events_) {
      static_cast<void>(hipEventDestroy(event));
    }
  }

  void turn(bool on) {
    on_ = on;
    works_.clear();
    n_used_ = 0;
    has_previous_ = false;
  }
  [[nodiscard]] bool is_on() const { return on_; }

  /// Starts work by calling `start`, between two events where times are wanted. `describe` tells about the
  /// work.
  template <class Start, class Describe>
  void time(hipStream_t stream, const Start& start, const Describe& describe) {
    if (!on_) {
      start();
      return;
    }
    record(stream);
    start();
    record(stream);
    works_.push_back(describe());
  }

  /// What was done since the last call, which all must be done.
  std::vector<TimedWork> take() {
    for (std::size_t i = 0; i < works_.size(); ++i) {
      // The first slot has the last event of what was taken before.
      works_[i].idle_seconds = has_previous_ ? between(2 * i, 2 * i + 1) : 0;
      works_[i].seconds = between(2 * i + 1, 2 * i + 2);
      has_previous_ = true;
    }
    if (!works_.empty()) {
      std::swap(events_[0], events_[2 * works_.size()]);
      n_used_ = 1;
    }
    return std::exchange(works_, {});
  }

 private:
  hipEvent_t slot(std::size_t i) {
    while (events_.size() <= i) {
      hipEvent_t event = nullptr;
      REPRISE_HIP_CALL(hipEventCreate(&event));
      events_.push_back(event);
    }
    return events_[i];
  }
  void record(hipStream_t stream) {
    n_used_ = std::max<std::size_t>(n_used_, 1);
    REPRISE_HIP_CALL(hipEventRecord(slot(n_used_), stream));
    ++n_used_;
  }
  double between(std::size_t begin, std::size_t end) {
    float milliseconds = 0;
    REPRISE_HIP_CALL(hipEventElapsedTime(&milliseconds, slot(begin), slot(end)));
    return std::max(0.0, static_cast<double>(milliseconds) * 1e-3);
  }

  bool on_ = false;
  bool has_previous_ = false;
  std::vector<hipEvent_t> events_;  // slot 0: see take()
  std::size_t n_used_ = 0;
  std::vector<TimedWork> works_;
};

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
