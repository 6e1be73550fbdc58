// Failures of the emulated GPU's runtime that tests ask for.
#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "engine/kernels/hip/runtime.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

using emulation::fail_call;

TEST(FailCall, FailsTheNthCallOfThatNameOnce) {
  void* memory = nullptr;
  hipStream_t stream = nullptr;  // the default one
  std::vector<hipStream_t> streams;
  ASSERT_EQ(hipMalloc(&memory, 8), hipSuccess);
  std::vector<void*> allocated;
  std::vector<void*> host_allocated;
  const auto kernel = [] {};
  int count = 0;
  std::size_t bytes = 0;
  hipDeviceProp_t properties;
  const std::pair<const char*, std::function<hipError_t()>> calls[] = {
      {"hipGetDeviceCount", [&] { return hipGetDeviceCount(&count); }},
      {"hipGetDeviceProperties", [&] { return hipGetDeviceProperties(&properties, 0); }},
      {"hipSetDevice", [] { return hipSetDevice(0); }},
      {"hipMalloc", [&] { return hipMalloc(&allocated.emplace_back(), 8); }},
      {"hipFree", [] { return hipFree(nullptr); }},
      {"hipHostMalloc", [&] { return hipHostMalloc(&host_allocated.emplace_back(), 8); }},
      {"hipHostFree", [] { return hipHostFree(nullptr); }},
      {"hipMemGetInfo", [&] { return hipMemGetInfo(&bytes, &bytes); }},
      {"hipStreamCreate", [&] { return hipStreamCreate(&streams.emplace_back()); }},
      {"hipStreamDestroy", [] { return hipStreamDestroy(nullptr); }},
      {"hipStreamSynchronize", [&] { return hipStreamSynchronize(stream); }},
      {"hipMemcpyAsync", [&] { return hipMemcpyAsync(memory, &bytes, 8, hipMemcpyHostToDevice, stream); }},
      {"hipMemsetAsync", [&] { return hipMemsetAsync(memory, 0, 8, stream); }},
      {"launch",
       [&] {
         REPRISE_LAUNCH(kernel, 1, 64, stream);
         return hipGetLastError();
       }},
  };
  for (const auto& [name, call] : calls) {
    for (const int n : {1, 3}) {
      fail_call(name, n, hipErrorLaunchFailure);
      for (const auto& [other, call_other] : calls) {
        EXPECT_TRUE(other == name || call_other() == hipSuccess) << other << " instead of " << name;
      }
      for (int i = 1; i <= 5; ++i) {
        EXPECT_EQ(call(), i == n ? hipErrorLaunchFailure : hipSuccess) << name << ", call " << i;
      }
    }
  }
  for (void* const each : allocated) {
    EXPECT_EQ(hipFree(each), hipSuccess);
  }
  for (void* const each : host_allocated) {
    EXPECT_EQ(hipHostFree(each), hipSuccess);
  }
  for (const hipStream_t each : streams) {
    EXPECT_EQ(hipStreamDestroy(each), hipSuccess);
  }
  EXPECT_EQ(hipFree(memory), hipSuccess);
}

TEST(FailCall, LeavesEverythingAsItWas) {
  int there = 0;
  int here = 1;
  void* memory = nullptr;
  std::size_t free_before = 0;
  std::size_t free_after = 0;
  std::size_t total = 0;
  EXPECT_EQ(hipMemGetInfo(&free_before, &total), hipSuccess);
  fail_call("hipMalloc", 1, hipErrorOutOfMemory);
  EXPECT_EQ(hipMalloc(&memory, 8), hipErrorOutOfMemory);
  EXPECT_EQ(hipMemGetInfo(&free_after, &total), hipSuccess);
  EXPECT_EQ(free_after, free_before);
  fail_call("hipHostMalloc", 1, hipErrorOutOfMemory);
  EXPECT_EQ(hipHostMalloc(&memory, 8), hipErrorOutOfMemory);
  EXPECT_EQ(memory, nullptr);
  fail_call("hipSetDevice", 1, hipErrorNoDevice);
  EXPECT_EQ(hipSetDevice(1), hipErrorNoDevice);
  EXPECT_EQ(emulation::current_device().wave_size, 32);
  fail_call("hipMemcpyAsync", 1, hipErrorLaunchFailure);
  EXPECT_EQ(hipMemcpyAsync(&there, &here, sizeof(int), hipMemcpyHostToDevice, nullptr),
            hipErrorLaunchFailure);
  EXPECT_EQ(there, 0);
}

TEST(FailCall, IsForTheCallingThreadAlone) {
  fail_call("hipFree", 1, hipErrorInvalidValue);
  std::thread([] { EXPECT_EQ(hipFree(nullptr), hipSuccess); }).join();
  EXPECT_EQ(hipFree(nullptr), hipErrorInvalidValue);
}

}  // namespace
}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
