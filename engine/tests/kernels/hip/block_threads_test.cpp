// The emulated GPU's threads: which run, what they share, and that a kernel without a barrier that it
// needs is noticed.
#include "engine/kernels/hip/emulation/block_threads.h"

#include <atomic>
#include <thread>
#include <vector>

#include "engine/core/check.h"
#include "engine/tests/kernels/hip/on_each_device.h"
#include "engine/tests/kernels/random_tensors.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

using emulation::position;
using emulation::wave_size;

class BlockThreads : public OnEachDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, BlockThreads, ::testing::Values(0, 1), device_name);

TEST_P(BlockThreads, EachThreadOfEachBlockRunsOnce) {
  for (const dim3 grid : {dim3(1), dim3(17), dim3(5, 3), dim3(1, 7), dim3(3, 2, 4), dim3(1, 1, 9)}) {
    for (const unsigned n_threads : {64U, 128U, 192U, 256U, 1024U}) {
      const std::size_t n_blocks = std::size_t{grid.x} * grid.y * grid.z;
      std::vector<int> runs(n_blocks * n_threads);
      run(grid, n_threads, [&runs, grid, n_threads] {
        const auto block = (static_cast<unsigned>(block_z()) * grid.y + block_y()) * grid.x + block_x();
        ++runs.at(block * n_threads + thread_in_block());
      });
      EXPECT_EQ(runs, std::vector<int>(runs.size(), 1))
          << grid.x << " x " << grid.y << " x " << grid.z << " blocks of " << n_threads;
    }
  }
}

TEST_P(BlockThreads, KnowTheirPlaceInBlocksOfThreeDimensions) {
  std::vector<int> runs(3 * 8 * 4 * 2);
  std::atomic<int> n_wrong_extents = 0;
  run(3, dim3(8, 4, 2), [&] {
    const auto& [thread, block, block_extent, grid_extent] = position();
    ++runs.at(((block.x * 2 + thread.z) * 4 + thread.y) * 8 + thread.x);
    n_wrong_extents += block_extent.x != 8 || block_extent.y != 4 || block_extent.z != 2 ||
                       grid_extent.x != 3 || grid_extent.y != 1 || grid_extent.z != 1;
  });
  EXPECT_EQ(runs, std::vector<int>(runs.size(), 1));
  EXPECT_EQ(n_wrong_extents, 0);
}

TEST_P(BlockThreads, KnowTheirPlaceAfterTheyWaited) {
  std::vector<int> runs(2 * 3 * 128);
  run(dim3(2, 3), 128, [&] {
    const int before = thread_in_block() + 128 * (block_x() + 2 * block_y());
    wait_for_block();
    static_cast<void>(from_lane_xor(0, 1));
    runs.at(before) += before == thread_in_block() + 128 * (block_x() + 2 * block_y()) ? 1 : 1000;
  });
  EXPECT_EQ(runs, std::vector<int>(runs.size(), 1));
}

TEST_P(BlockThreads, HaveWavesOfTheDevicesSize) {
  hipDeviceProp_t properties;
  ASSERT_EQ(hipGetDeviceProperties(&properties, GetParam()), hipSuccess);
  EXPECT_EQ(properties.warpSize, GetParam() == 0 ? 32 : 64);
  run(1, 64, [&] { REPRISE_CHECK(wave_size() == properties.warpSize); });
}

TEST_P(BlockThreads, SeeWhatTheirBlockWroteBeforeABarrier) {
  constexpr int kThreads = 256;
  constexpr int kBlocks = 20;
  std::vector<int> found(kBlocks * kThreads);
  run(kBlocks, kThreads, [&] {
    __shared__ int shared[kThreads];
    const int t = thread_in_block();
    for (int round = 0; round < 5; ++round) {
      shared[t] = 1000 * block_x() + t + round;
      wait_for_block();
      found[kThreads * block_x() + t] += shared[kThreads - 1 - t];
      wait_for_block();
    }
  });
  for (int i = 0; i < kBlocks * kThreads; ++i) {
    ASSERT_EQ(found[i], 5 * (i / kThreads * 1000 + kThreads - 1 - i % kThreads) + 10) << i;
  }
}

TEST_P(BlockThreads, ReduceInSharedMemory) {
  constexpr int kThreads = 512;
  std::vector<int> sums(5);
  run(static_cast<unsigned>(sums.size()), kThreads, [&] {
    __shared__ int shared[kThreads];
    const int t = thread_in_block();
    shared[t] = t * (block_x() + 1);
    wait_for_block();
    for (int half = kThreads / 2; half > 0; half /= 2) {
      if (t < half) {
        shared[t] += shared[t + half];
      }
      wait_for_block();
    }
    if (t == 0) {
      sums[block_x()] = shared[0];
    }
  });
  for (std::size_t i = 0; i < sums.size(); ++i) {
    EXPECT_EQ(sums[i], kThreads * (kThreads - 1) / 2 * (static_cast<int>(i) + 1));
  }
}

/// What a kernel of 128 threads put out on each of the two devices.
template <class Kernel>
std::vector<std::vector<int>> on_both_devices(const Kernel& kernel) {
  std::vector<std::vector<int>> found(2, std::vector<int>(128));
  for (int device = 0; device < 2; ++device) {
    EXPECT_EQ(hipSetDevice(device), hipSuccess);
    run(1, 128, [&] { found[device][thread_in_block()] = kernel(thread_in_block()); });
  }
  EXPECT_EQ(hipSetDevice(0), hipSuccess);
  return found;
}

TEST(MissingBarrier, BetweenWriteAndReadGivesOtherResultsOnTheOtherDevice) {
  for (const bool has_barrier : {true, false}) {
    const auto found = on_both_devices([=](int t) {
      __shared__ int shared[128];
      shared[t] = -1;
      wait_for_block();
      shared[t] = t;
      if (has_barrier) {
        wait_for_block();
      }
      return shared[127 - t];
    });
    EXPECT_EQ(found[0] == found[1], has_barrier);
  }
}

TEST(MissingBarrier, BetweenReadAndNextWriteGivesOtherResultsOnTheOtherDevice) {
  for (const bool has_barrier : {true, false}) {
    const auto found = on_both_devices([=](int t) {
      __shared__ int shared[128];
      int sum = 0;
      for (int round = 0; round < 3; ++round) {
        shared[t] = t + 1000 * round;
        wait_for_block();
        sum += shared[(t + 1) % 128];
        if (has_barrier) {
          wait_for_block();
        }
      }
      return sum;
    });
    EXPECT_EQ(found[0] == found[1], has_barrier);
  }
}

TEST(MissingBarrier, BetweenAnyTwoThreadsGivesOtherResultsOnTheOtherDevice) {
  testing::Random random(1);
  for (int i = 0; i < 50; ++i) {
    const auto writer = static_cast<int>(i < 10 ? 0 : random.integer(0, 127));
    const auto reader = (writer + static_cast<int>(random.integer(1, 127))) % 128;
    for (const bool has_barrier : {true, false}) {
      const auto found = on_both_devices([=](int t) {
        __shared__ int shared;
        shared = -1;
        wait_for_block();
        if (t == writer) {
          shared = 1;
        }
        if (has_barrier) {
          wait_for_block();
        }
        return t == reader ? shared : 0;
      });
      EXPECT_EQ(found[0] == found[1], has_barrier)
          << "thread " << writer << " writes, " << reader << " reads";
    }
  }
}

TEST(MissingBarrier, IsNotReplacedByShufflesWhereAnotherWaveWrote) {
  for (const bool forth : {true, false}) {
    const auto found = on_both_devices([=](int t) {
      __shared__ int shared;
      shared = -1;
      wait_for_block();
      if (t == (forth ? 1 : 90)) {
        shared = 1;
      }
      for (int mask = 1; mask < 32; mask *= 2) {
        static_cast<void>(from_lane_xor(t, mask));
      }
      return t == (forth ? 90 : 1) ? shared : 0;
    });
    EXPECT_NE(found[0], found[1]);
  }
}

TEST(BlockThreadsOfSeveralHosts, DoNotDisturbEachOther) {
  constexpr int kHosts = 4;
  std::vector<int> n_wrong(kHosts);
  std::vector<std::thread> hosts;
  for (int host = 0; host < kHosts; ++host) {
    hosts.emplace_back([&n_wrong, host] {
      static_cast<void>(hipSetDevice(host % 2));
      for (int i = 0; i < 50; ++i) {
        std::vector<int> found(3 * 64);
        run(3, 64, [&] {
          __shared__ int shared[64];
          const int t = thread_in_block();
          shared[t] = host * 100000 + 1000 * block_x() + t + i;
          wait_for_block();
          found[64 * block_x() + t] = from_lane_xor(shared[63 - t], 1);
        });
        for (int j = 0; j < std::ssize(found); ++j) {
          n_wrong[host] += found[j] != host * 100000 + 1000 * (j / 64) + ((63 - j % 64) ^ 1) + i;
        }
        n_wrong[host] += host % 2 != (emulation::current_device().wave_size == 64 ? 1 : 0);
      }
    });
  }
  for (std::thread& host : hosts) {
    host.join();
  }
  EXPECT_EQ(n_wrong, std::vector<int>(kHosts));
}

}  // namespace
}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
