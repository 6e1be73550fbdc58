/// The seam for time: everything in the harness that asks for the time asks a Clock, so that tests decide
/// what it says (harness/tests/support/fake_clock.h). Not a calendar: readings are only good for differences.
/// Used by measure, profile and replay.
#pragma once

namespace reprise::harness {

/// A duration or a reading, in seconds.
using Seconds = double;

class Clock {
 public:
  virtual ~Clock() = default;

  /// Seconds since an origin that is fixed for this clock; never goes back.
  [[nodiscard]] virtual Seconds now() = 0;
};

/// The system's monotonic clock. Readings count from the construction, so that a double keeps the nanoseconds
/// whatever the machine's uptime.
class MonotonicClock final : public Clock {
 public:
  MonotonicClock();
  [[nodiscard]] Seconds now() override;

 private:
  long long origin_nanoseconds_;
};

}  // namespace reprise::harness
