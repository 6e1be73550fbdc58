// Values that the lanes of an emulated wave exchange.
#include <bit>
#include <vector>

#include "engine/tests/kernels/hip/on_each_device.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

using emulation::wave_size;

class Waves : public OnEachDevice {};
INSTANTIATE_TEST_SUITE_P(Devices, Waves, ::testing::Values(0, 1), device_name);

TEST_P(Waves, ReadTheLaneOfTheXor) {
  std::vector<int> found(5 * 256);
  run(1, 256, [&] {
    for (int bit = 0; bit < 5; ++bit) {
      found[256 * bit + thread_in_block()] = from_lane_xor(7 * thread_in_block() - 300, 1 << bit);
    }
  });
  for (int i = 0; i < 5 * 256; ++i) {
    ASSERT_EQ(found[i], 7 * (i % 256 ^ 1 << i / 256) - 300) << "thread " << i % 256 << ", bit " << i / 256;
  }
}

TEST_P(Waves, ReadALaneOfTheirGroup) {
  for (const int width : {1, 2, 4, 8, 16, 32}) {
    std::vector<unsigned> same(128);
    std::vector<unsigned> different(128);
    run(1, 128, [&] {
      const int t = thread_in_block();
      same[t] = from_lane(0xffffff00U + t, width - 1, width);
      different[t] = from_lane(0xffffff00U + t, 5 * t % width, width);
    });
    for (int t = 0; t < 128; ++t) {
      ASSERT_EQ(same[t], 0xffffff00U + t / width * width + width - 1)
          << "thread " << t << ", width " << width;
      ASSERT_EQ(different[t], 0xffffff00U + t / width * width + 5 * t % width)
          << "thread " << t << ", width " << width;
    }
  }
}

TEST_P(Waves, SeeTheLanesOfTheirOwnWaveAlone) {
  std::vector<int> n_wrong(4 * 192);
  run(4, 192, [&] {
    const int id = 192 * block_x() + thread_in_block();
    const std::uint32_t* const values = emulation::exchange_in_wave(id, CallSite::current());
    const int first = id - thread_in_block() % wave_size();
    for (int lane = 0; lane < wave_size(); ++lane) {
      n_wrong[id] += static_cast<int>(values[lane]) != first + lane;
    }
  });
  EXPECT_EQ(n_wrong, std::vector<int>(n_wrong.size()));
}

TEST_P(Waves, ExchangeAllBitsOfAFloat) {
  std::vector<std::uint32_t> found(64);
  const std::uint32_t awkward[] = {0x80000000, 0x7f800001, 0xffc12345, 1,
                                   0xff800000, 0x7fffffff, 0x3f800000, 0};
  run(1, 64, [&] {
    const auto value = std::bit_cast<float>(awkward[thread_in_block() % 8]);
    found[thread_in_block()] = std::bit_cast<std::uint32_t>(from_lane_xor(from_lane(value, 3, 8), 8));
  });
  EXPECT_EQ(found, std::vector<std::uint32_t>(64, awkward[3]));
}

/// What each lane has after the lanes of each group of 32 added up.
int sum_of_32(int value) {
  for (int mask = 16; mask > 0; mask /= 2) {
    value += from_lane_xor(value, mask);
  }
  return value;
}

TEST_P(Waves, ExchangeManyTimesWithoutABarrier) {
  constexpr int kRounds = 20;
  std::vector<int> sums(3 * 256);
  run(3, 256, [&] {
    const int t = thread_in_block();
    int sum = 0;
    for (int round = 0; round < kRounds; ++round) {
      sum += sum_of_32(t + block_x()) - from_lane(t, round % 32, 32);
    }
    sums[256 * block_x() + t] = sum;
  });
  for (int i = 0; i < std::ssize(sums); ++i) {
    const int first = i % 256 / 32 * 32;
    int expected = kRounds * (32 * (first + i / 256) + 31 * 16);
    for (int round = 0; round < kRounds; ++round) {
      expected -= first + round % 32;
    }
    ASSERT_EQ(sums[i], expected) << i;
  }
}

TEST_P(Waves, MayExchangeInSomeWavesAlone) {
  std::vector<int> found(256);
  run(1, 256, [&] {
    __shared__ int sums[8];
    const int t = thread_in_block();
    int sum = t;
    for (int round = 0; round < t / 64; ++round) {  // waves of 64 and of 32 are in this alone
      sum = sum_of_32(sum);
    }
    sums[t / 32] = sum;
    wait_for_block();
    found[t] = sums[7 - t / 32];
  });
  for (int t = 0; t < 256; ++t) {
    const int group = 7 - t / 32;
    const int rounds = group / 2;
    const int sum = 32 * 32 * group + 31 * 16;
    if (rounds > 0) {
      ASSERT_EQ(found[t], sum << 5 * (rounds - 1)) << t;
    }
  }
}

}  // namespace
}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
