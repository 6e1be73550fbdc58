/// Failures that tests order (fail_call in emulation.h). Used by the emulation's own files.
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/kernels/hip/emulation/emulation.h"

namespace reprise::engine::kernels::emulation {

/// The error that this call of a function is to fail with, or success.
hipError_t planned_error(std::string_view function);

/// Whether all of this is memory of hipHostMalloc.
bool is_pinned(const void* memory, std::size_t size_bytes);

}  // namespace reprise::engine::kernels::emulation

/// Returns the error that was ordered for the function that this stands in.
#define FAIL_AS_PLANNED()                                                                    \
  if (const hipError_t error = reprise::engine::kernels::emulation::planned_error(__func__); \
      error != hipSuccess) {                                                                 \
    return error;                                                                            \
  }
