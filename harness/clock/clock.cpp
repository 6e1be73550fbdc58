#include "harness/clock/clock.h"

#include <chrono>

namespace reprise::harness {
namespace {

long long nanoseconds_now() {
  const auto since_epoch = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count();
}

}  // namespace

MonotonicClock::MonotonicClock() : origin_nanoseconds_(nanoseconds_now()) {}

Seconds MonotonicClock::now() {
  return static_cast<Seconds>(nanoseconds_now() - origin_nanoseconds_) * 1e-9;
}

}  // namespace reprise::harness
