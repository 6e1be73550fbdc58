// Emulated threads that end early, and what becomes of those that wait in vain: the program ends and
// names the place.
#include <numeric>
#include <stdexcept>
#include <vector>

#include "engine/tests/kernels/hip/on_each_device.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

class WaitsInVain : public OnEachDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, WaitsInVain, ::testing::Values(0, 1), device_name);

TEST_P(WaitsInVain, MayEndBeforeOthersWhereNobodyWaitsForThem) {
  std::vector<int> found(256);
  run(1, 256, [&] {
    const int t = thread_in_block();
    if (t >= 128) {
      return;
    }
    found[t] = from_lane_xor(1, 1);
  });
  EXPECT_EQ(std::accumulate(found.begin(), found.end(), 0), 128);
}

/// `line` is of a wait in the kernel; `other_line` of another, where either may be named.
template <class Kernel>
void expect_waits_in_vain(const Kernel& kernel, int line, int other_line = 0) {
  EXPECT_DEATH(run(2, 128, kernel), "waits_in_vain_test\\.cpp:(" + std::to_string(line) + "|" +
                                        std::to_string(other_line) + "): check failed");
}

TEST_P(WaitsInVain, FailWhereAnotherReturnedBeforeABarrier) {
  for (const int early : {0, 77, 127}) {
    const auto kernel = [=] {
      if (thread_in_block() != early) {
        wait_for_block();
      }
    };
    expect_waits_in_vain(kernel, __LINE__ - 3);
  }
}

TEST_P(WaitsInVain, FailWhereOthersWaitMoreOften) {
  const auto kernel = [=] {
    for (int i = 0; i < 3 + thread_in_block() / 127; ++i) {
      wait_for_block();
    }
  };
  expect_waits_in_vain(kernel, __LINE__ - 3);
}

TEST_P(WaitsInVain, FailWhereALaneIsMissingFromAShuffle) {
  for (const int early : {0, 63, 64, 127}) {
    const auto kernel = [=] {
      if (thread_in_block() != early) {
        static_cast<void>(from_lane(1, 0, 8));
      }
    };
    expect_waits_in_vain(kernel, __LINE__ - 3);
  }
}

TEST_P(WaitsInVain, FailWhereOthersWaitAtAnotherBarrier) {
  for (const int n : {2, 64, 127}) {
    const auto kernel = [=] {
      if (thread_in_block() % n == 1) {
        wait_for_block();
      } else {
        wait_for_block();
      }
    };
    expect_waits_in_vain(kernel, __LINE__ - 5, __LINE__ - 3);
  }
}

TEST_P(WaitsInVain, FailWhereOtherLanesWaitAtAnotherShuffleOfTheLine) {
  const auto kernel = [] {
    static_cast<void>(thread_in_block() % 2 == 0 ? from_lane_xor(1, 1) : from_lane_xor(2, 1));
  };
  expect_waits_in_vain(kernel, __LINE__ - 2);
}

TEST_P(WaitsInVain, FailWhereOtherLanesWaitForTheBlock) {
  const auto kernel = [] {
    if (thread_in_block() < 5) {
      wait_for_block();
    } else {
      static_cast<void>(from_lane_xor(1, 1));
    }
  };
  expect_waits_in_vain(kernel, __LINE__ - 5, __LINE__ - 3);
}

TEST_P(WaitsInVain, FailWhereTheKernelThrowsOrLaunchesAnother) {
  // One block: of two that throw at once, the second may end the program before the first has said why.
  EXPECT_DEATH(run(1, 64, [] { throw std::runtime_error("thrown"); }), "thrown");
  EXPECT_DEATH(run(1, 64, [] { run(1, 64, [] {}); }), "check failed.*launches no kernel");
}

}  // namespace
}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
