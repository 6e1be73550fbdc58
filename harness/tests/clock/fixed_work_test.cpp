#include "harness/clock/fixed_work.h"

#include <gtest/gtest.h>

#include "engine/core/error.h"

namespace reprise::harness {
namespace {

TEST(FixedWork, IsTheSameEachTime) {
  FixedWork once(1, std::size_t{1} << 20);
  FixedWork again(1, std::size_t{1} << 20);
  once.run();
  const double first = once.checksum();
  EXPECT_GE(first, (1 << 20) / 8);  // every word is 1 and was read
  once.run();
  EXPECT_EQ(once.checksum(), 2 * first);
  again.run();
  EXPECT_EQ(again.checksum(), first);
}

TEST(FixedWork, ThreadsShareTheReading) {
  FixedWork work(3, std::size_t{3} << 20);
  FixedWork alone(1, std::size_t{3} << 20);
  work.run();
  alone.run();
  const double read = (3 << 20) / 8;
  EXPECT_GE(work.checksum(), read);
  // Each of the three also multiplies and adds.
  EXPECT_NEAR(work.checksum() - read, 3 * (alone.checksum() - read), 1e-3);
}

TEST(FixedWork, RefusesMoreMemoryThanThereIs) {
  EXPECT_THROW(FixedWork(1, std::size_t{1} << 60), Error);
}

}  // namespace
}  // namespace reprise::harness
