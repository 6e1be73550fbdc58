#if defined(__aarch64__)

#include "engine/kernels/cpu/dots_neon.h"
#include "engine/kernels/cpu/table.h"
#include "engine/kernels/cpu/targets.h"

namespace reprise::engine::kernels {

constinit const KernelTable kNeonKernels = table_over<NeonLanes, NeonDots>("neon");

}  // namespace reprise::engine::kernels

#endif
