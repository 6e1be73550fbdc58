/// Backends whose kernels are HIP's (kernels/hip): on a GPU, or emulated on the processor. Used by
/// make_backend().
#pragma once

#include <memory>

#include "engine/backends/backend.h"
#include "engine/kernels/hip/device.h"

namespace reprise::engine {

/// Whether the placement is on such a backend: hip or hip-emulated.
bool is_hip(const Placement& placement);

/// The placement with the device's architecture as its isa, the first device that `isa` names. Errors:
/// invalid_argument for what such a backend has no choice in; unsupported when there is no such device.
Placement resolved_hip(Placement placement);

/// The first device that the placement names, for what no backend offers; null where there is none. Errors:
/// device_failed.
std::unique_ptr<kernels::HipDevice> find_hip_device(const Placement& placement);

/// `placement` is resolved. Errors: device_failed; out_of_memory.
std::unique_ptr<Backend> make_hip_backend(Placement placement);

}  // namespace reprise::engine
