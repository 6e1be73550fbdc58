// The modules of GPUs: those that were built load, with or without a GPU; what does not load is said.
#include "engine/kernels/hip/modules.h"

#include <gmock/gmock.h>

#include <array>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/error.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine::kernels {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using reprise::testing::error_of;

// REPRISE_GPU_WORLDS: the names of the worlds whose modules are in this build, e.g. "HIP", "CUDA".
const std::vector<std::string_view> kBuilt = {REPRISE_GPU_WORLDS};

TEST(HipModules, AllThatWereBuiltLoad) {
  const HipWorlds& found = gpu_worlds();
  std::vector<std::string_view> names;
  for (const HipWorld* world : found.worlds) {
    names.push_back(world->name);
  }
  EXPECT_EQ(names, kBuilt) << ::testing::PrintToString(found.problems);
  EXPECT_EQ(found.worlds.size() + found.problems.size(), 2);
}

TEST(HipModules, AMachineWithoutAGpuHasNoDevices) {
  for (const HipWorld* world : gpu_worlds().worlds) {
    SCOPED_TRACE(world->name);
    if (world->device_count() > 0) {
      EXPECT_THAT(world->open_device(0)->info().architecture,
                  StartsWith(world->name == "HIP" ? "gfx" : "sm_"));
      continue;
    }
    // CUDA's runtime finds no driver here; HIP's has nothing to add.
    EXPECT_THAT(world->why_no_device(), AnyOf("", HasSubstr("driver")));
  }
}

TEST(HipModules, ErrorsLeaveTheModule) {
  for (const HipWorld* world : gpu_worlds().worlds) {
    SCOPED_TRACE(world->name);
    // Thrown inside, caught by its type here.
    const Error error = error_of([&] { world->open_device(world->device_count()); });
    EXPECT_EQ(error.code(), ErrorCode::device_failed);
    EXPECT_THAT(error.what(), AllOf(StartsWith("gpu: "), HasSubstr("engine/kernels/hip/device.hip")));
  }
}

TEST(HipModules, SaysWhichCompilerMakesAModuleThatIsNotThere) {
  const std::array modules = {HipModule{"HIP", "libreprise_hip_none.so", "hipcc"}};
  const HipWorlds found = open_modules(modules);
  EXPECT_THAT(found.worlds, IsEmpty());
  EXPECT_THAT(found.problems,
              ElementsAre("HIP: this build has no libreprise_hip_none.so, which hipcc makes"));
}

TEST(HipModules, SaysWhyAModuleDoesNotLoad) {
  const std::string broken = ::testing::TempDir() + "libreprise_hip_broken.so";
  std::ofstream(broken) << "not a library";
  const std::array modules = {HipModule{"HIP", broken.c_str(), "hipcc"},
                              HipModule{"CUDA", "libm.so.6", "nvcc"}};
  const HipWorlds found = open_modules(modules);
  EXPECT_THAT(found.worlds, IsEmpty());
  EXPECT_THAT(found.problems, ElementsAre(AllOf(StartsWith("HIP: " + broken), HasSubstr("does not load: ")),
                                          AllOf(StartsWith("CUDA: "), HasSubstr("reprise_hip_world"))));
}

}  // namespace
}  // namespace reprise::engine::kernels
