/// For tests of the emulated GPU: its two devices, and launches that must succeed.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "engine/kernels/hip/runtime.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {

template <class Kernel>
void run(dim3 grid, dim3 block, const Kernel& kernel) {
  REPRISE_LAUNCH(kernel, grid, block, nullptr);
  ASSERT_EQ(hipGetLastError(), hipSuccess);
}

inline std::string device_name(const ::testing::TestParamInfo<int>& device) {
  return device.param == 0 ? "Wave32Forwards" : "Wave64Backwards";
}

/// A suite whose tests run on both devices.
class OnEachDevice : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    ASSERT_EQ(hipSetDevice(GetParam()), hipSuccess);
    GTEST_FLAG_SET(death_test_style, "threadsafe");
  }
  void TearDown() override { static_cast<void>(hipSetDevice(0)); }
};

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
