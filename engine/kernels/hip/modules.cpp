#include "engine/kernels/hip/modules.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>

namespace reprise::engine::kernels {
namespace {

/// The module's world; null, and the reason in `problem`, without one.
const HipWorld* open_module(const HipModule& module, std::string& problem) {
  void* const library = dlopen(module.file, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    // "FILE: what is the matter", where FILE is the module, or a library that it needs.
    const std::string error = dlerror();
    const bool is_absent = error.starts_with(module.file) && error.ends_with("No such file or directory");
    problem = is_absent ? fmt::format("this build has no {}, which {} makes", module.file, module.compiler)
                        : fmt::format("{} does not load: {}", module.file, error);
    return nullptr;
  }
  const auto world = reinterpret_cast<const HipWorld* (*)()>(dlsym(library, "reprise_hip_world"));
  if (world == nullptr) {
    problem = dlerror();
    return nullptr;
  }
  return world();
}

}  // namespace

HipWorlds open_modules(std::span<const HipModule> modules) {
  HipWorlds found;
  for (const HipModule& module : modules) {
    std::string problem;
    if (const HipWorld* const world = open_module(module, problem)) {
      found.worlds.push_back(world);
    } else {
      found.problems.push_back(fmt::format("{}: {}", module.world, problem));
    }
  }
  return found;
}

const HipWorlds& gpu_worlds() {
  static constexpr auto kModules = std::to_array<HipModule>(
      {{"HIP", "libreprise_hip_amd.so", "hipcc"}, {"CUDA", "libreprise_hip_nvidia.so", "nvcc"}});
  static const HipWorlds kWorlds = open_modules(kModules);
  return kWorlds;
}

}  // namespace reprise::engine::kernels
