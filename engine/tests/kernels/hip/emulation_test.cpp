// The emulated GPU's runtime: launches, memory, failures that tests ask for; and arithmetic of single
// elements.
#include "engine/kernels/hip/emulation/emulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <thread>
#include <vector>

#include "engine/kernels/hip/runtime.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

using emulation::set_memory_bytes;

// Launches

TEST(EmulatedLaunch, OfExtentsThatAreNotAllowedRunsNothingAndIsToldOnce) {
  struct Case {
    dim3 grid;
    unsigned n_threads;
  };
  const Case cases[] = {{dim3(0), 64},          {dim3(1, 0), 64},        {dim3(1, 1, 0), 64},
                        {dim3(1), 0},           {dim3(1), 1088},         {dim3(1), 2048},
                        {dim3(1, 65536), 64},   {dim3(1, 1, 65536), 64}, {dim3(0, 0, 0), 64},
                        {dim3(65536), 1U << 31}};
  for (const auto& [grid, n_threads] : cases) {
    bool ran = false;
    const auto kernel = [&ran] { ran = true; };
    REPRISE_LAUNCH(kernel, grid, n_threads, nullptr);
    EXPECT_FALSE(ran);
    EXPECT_EQ(hipGetLastError(), hipErrorInvalidValue)
        << grid.x << " x " << grid.y << " x " << grid.z << " blocks of " << n_threads;
    EXPECT_EQ(hipGetLastError(), hipSuccess);
  }
}

TEST(EmulatedLaunch, OfTheLargestExtentsMayGoOn) {
  for (const dim3 grid : {dim3(1U << 31), dim3(1, 65535), dim3(1, 1, 65535)}) {
    EXPECT_TRUE(emulation::begin_launch(grid, dim3(1024)));
    EXPECT_EQ(hipGetLastError(), hipSuccess);
  }
}

TEST(EmulatedLaunch, ThatSucceedsHidesTheErrorOfTheOneBefore) {
  int runs = 0;
  const auto kernel = [&runs] { runs += thread_in_block() == 0 ? 1 : 0; };
  REPRISE_LAUNCH(kernel, 0, 64, nullptr);
  REPRISE_LAUNCH(kernel, 1, 64, nullptr);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(hipGetLastError(), hipSuccess);
}

// Memory

std::size_t free_bytes() {
  std::size_t free = 0;
  std::size_t total = 0;
  EXPECT_EQ(hipMemGetInfo(&free, &total), hipSuccess);
  EXPECT_LE(free, total);
  return free;
}

/// A device of 1000 bytes, as long as the test runs.
class EmulatedMemory : public ::testing::Test {
 protected:
  EmulatedMemory() { set_memory_bytes(1000); }
  ~EmulatedMemory() override { set_memory_bytes(0); }
};

TEST_F(EmulatedMemory, IsPoisonedWhenNew) {
  for (int i = 0; i < 3; ++i) {
    void* memory = nullptr;
    ASSERT_EQ(hipMalloc(&memory, 100), hipSuccess);
    const auto* const bytes = static_cast<const unsigned char*>(memory);
    EXPECT_EQ(std::count(bytes, bytes + 100, 0), 0);
    std::fill_n(static_cast<unsigned char*>(memory), 100, static_cast<unsigned char>(0));
    EXPECT_EQ(hipFree(memory), hipSuccess);
  }
}

TEST_F(EmulatedMemory, IsCountedAndGivenBack) {
  std::size_t free = 0;
  std::size_t total = 0;
  ASSERT_EQ(hipMemGetInfo(&free, &total), hipSuccess);
  EXPECT_EQ(total, 1000U);
  EXPECT_EQ(free, 1000U);
  void* first = nullptr;
  void* second = nullptr;
  ASSERT_EQ(hipMalloc(&first, 100), hipSuccess);
  ASSERT_EQ(hipMalloc(&second, 300), hipSuccess);
  EXPECT_EQ(free_bytes(), 600U);
  EXPECT_EQ(hipFree(first), hipSuccess);
  EXPECT_EQ(free_bytes(), 700U);
  EXPECT_EQ(hipFree(second), hipSuccess);
  EXPECT_EQ(free_bytes(), 1000U);
  hipDeviceProp_t properties;
  ASSERT_EQ(hipGetDeviceProperties(&properties, 0), hipSuccess);
  EXPECT_EQ(properties.totalGlobalMem, 1000U);
}

TEST_F(EmulatedMemory, RunsOut) {
  void* first = nullptr;
  void* second = nullptr;
  ASSERT_EQ(hipMalloc(&first, 600), hipSuccess);
  EXPECT_EQ(hipMalloc(&second, 401), hipErrorOutOfMemory);
  EXPECT_EQ(hipMalloc(&second, std::numeric_limits<std::size_t>::max()), hipErrorOutOfMemory);
  EXPECT_EQ(second, nullptr);
  EXPECT_EQ(free_bytes(), 400U);
  EXPECT_EQ(hipMalloc(&second, 400), hipSuccess);
  EXPECT_EQ(free_bytes(), 0U);
  EXPECT_EQ(hipFree(first), hipSuccess);
  EXPECT_EQ(hipFree(second), hipSuccess);
}

TEST_F(EmulatedMemory, MayShrinkBelowWhatIsInUse) {
  void* memory = nullptr;
  ASSERT_EQ(hipMalloc(&memory, 600), hipSuccess);
  set_memory_bytes(500);
  EXPECT_EQ(free_bytes(), 0U);
  void* more = nullptr;
  EXPECT_EQ(hipMalloc(&more, 1), hipErrorOutOfMemory);
  EXPECT_EQ(hipFree(memory), hipSuccess);
  EXPECT_EQ(free_bytes(), 500U);
}

TEST_F(EmulatedMemory, IsFreedOnce) {
  void* memory = nullptr;
  ASSERT_EQ(hipMalloc(&memory, 100), hipSuccess);
  EXPECT_EQ(hipFree(memory), hipSuccess);
  EXPECT_EQ(hipFree(memory), hipErrorInvalidValue);
  int other = 0;
  EXPECT_EQ(hipFree(&other), hipErrorInvalidValue);
  EXPECT_EQ(hipFree(nullptr), hipSuccess);
  EXPECT_EQ(free_bytes(), 1000U);
}

TEST(EmulatedMemoryOfTheMachine, IsNotNothing) {
  const std::size_t free = free_bytes();
  EXPECT_GT(free, std::size_t{1} << 20);
  void* memory = nullptr;
  EXPECT_EQ(hipHostMalloc(&memory, 100), hipSuccess);
  EXPECT_EQ(hipHostFree(memory), hipSuccess);
}

TEST(EmulatedStream, CopiesAndFills) {
  const std::vector<int> host = {1, 2, 3, 4, 5};
  const std::size_t size_bytes = host.size() * sizeof(int);
  hipStream_t stream = nullptr;
  void* first = nullptr;
  void* second = nullptr;
  ASSERT_EQ(hipStreamCreate(&stream), hipSuccess);
  ASSERT_EQ(hipMalloc(&first, size_bytes), hipSuccess);
  ASSERT_EQ(hipMalloc(&second, size_bytes), hipSuccess);
  EXPECT_EQ(hipMemcpyAsync(first, host.data(), size_bytes, hipMemcpyHostToDevice, stream), hipSuccess);
  EXPECT_EQ(hipMemcpyAsync(second, first, size_bytes, hipMemcpyDeviceToDevice, stream), hipSuccess);
  EXPECT_EQ(hipMemsetAsync(second, 0xff, sizeof(int), stream), hipSuccess);
  std::vector<int> found(host.size());
  EXPECT_EQ(hipMemcpyAsync(found.data(), second, size_bytes, hipMemcpyDeviceToHost, stream), hipSuccess);
  EXPECT_EQ(hipStreamSynchronize(stream), hipSuccess);
  EXPECT_EQ(found, (std::vector<int>{-1, 2, 3, 4, 5}));
  EXPECT_EQ(hipMemcpyAsync(nullptr, nullptr, 0, hipMemcpyDeviceToHost, stream), hipSuccess);
  EXPECT_EQ(hipFree(first), hipSuccess);
  EXPECT_EQ(hipFree(second), hipSuccess);
  EXPECT_EQ(hipStreamDestroy(stream), hipSuccess);
}

TEST(EmulatedDevices, AreTwo) {
  int count = 0;
  EXPECT_EQ(hipGetDeviceCount(&count), hipSuccess);
  EXPECT_EQ(count, 2);
  EXPECT_NE(hipSetDevice(2), hipSuccess);
  EXPECT_NE(hipSetDevice(-1), hipSuccess);
  hipDeviceProp_t properties;
  EXPECT_NE(hipGetDeviceProperties(&properties, 2), hipSuccess);
  EXPECT_NE(hipGetDeviceProperties(&properties, -1), hipSuccess);
  EXPECT_EQ(hipSetDevice(1), hipSuccess);
  std::thread([] { EXPECT_EQ(emulation::current_device().wave_size, 32); }).join();
  EXPECT_EQ(emulation::current_device().wave_size, 64);
  EXPECT_EQ(hipSetDevice(0), hipSuccess);
  EXPECT_EQ(emulation::current_device().wave_size, 32);
}

}  // namespace
}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
