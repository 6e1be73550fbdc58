/// Calls of the GPU's runtime, each checked.
#pragma once

#include <string_view>

#include "engine/core/error.h"
#include "engine/kernels/hip/runtime.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {

/// The path from the project's root on.
inline std::string_view project_path(std::string_view file) {
  const std::size_t at = file.rfind("engine/");
  return at == std::string_view::npos ? file : file.substr(at);
}

inline void expect_success(hipError_t error, const char* call, const char* file, int line) {
  if (error != hipSuccess) {
    fail(ErrorCode::device_failed, "gpu: {} ({}:{}): expected success, found {}: {}", call,
         project_path(file), line, hipGetErrorName(error), hipGetErrorString(error));
  }
}

/// Makes a call. Errors: device_failed, with the call's text, its place and the runtime's message.
#define REPRISE_HIP_CALL(call) expect_success((call), #call, __FILE__, __LINE__)

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
