/// The worlds of GPUs. Each is a module: a shared library beside the program, opened when GPUs are first
/// asked for. So the program starts without any GPU's runtime, runs where there is none, and may have
/// AMD's and NVIDIA's at once.
///
/// Modules are made by tools/cmake/RepriseGpu.cmake. Used by the hip backend.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/kernels/hip/device.h"

namespace reprise::engine::kernels {

struct HipModule {
  std::string_view world;     ///< "HIP"
  const char* file;           ///< "libreprise_hip_amd.so"
  std::string_view compiler;  ///< that builds it: "hipcc"
};

struct HipWorlds {
  std::vector<const HipWorld*> worlds;
  std::vector<std::string> problems;  ///< of modules that gave none: "CUDA: this build has no ..."
};

/// The worlds that this build has for GPUs, AMD's first. Their modules stay open.
const HipWorlds& gpu_worlds();

/// Opens modules, found as dlopen() finds libraries: beside the program, by its RUNPATH.
HipWorlds open_modules(std::span<const HipModule> modules);

}  // namespace reprise::engine::kernels
