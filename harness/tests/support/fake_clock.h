/// A clock that tests set. For tests only.
#pragma once

#include "harness/clock/clock.h"

namespace reprise::harness {

class FakeClock final : public Clock {
 public:
  /// Every reading moves the time by `seconds_per_reading`, after it was taken.
  explicit FakeClock(Seconds seconds_per_reading = 0) : seconds_per_reading_(seconds_per_reading) {}

  [[nodiscard]] Seconds now() override {
    const Seconds reading = time_;
    time_ += seconds_per_reading_;
    return reading;
  }

  void advance(Seconds seconds) { time_ += seconds; }

 private:
  Seconds seconds_per_reading_;
  Seconds time_ = 0;
};

}  // namespace reprise::harness
