#include "harness/clock/clock.h"

#include <gtest/gtest.h>

namespace reprise::harness {
namespace {

TEST(MonotonicClock, CountsFromItsConstructionAndNeverGoesBack) {
  MonotonicClock clock;
  Seconds last = clock.now();
  EXPECT_GE(last, 0);
  EXPECT_LT(last, 60);  // an origin at boot or at the epoch would be far away
  bool moved = false;
  for (int i = 0; i < 100'000; ++i) {
    const Seconds now = clock.now();
    ASSERT_GE(now, last);
    moved = moved || now > last;
    last = now;
  }
  EXPECT_TRUE(moved);
}

}  // namespace
}  // namespace reprise::harness
