#include "engine/kernels/cpu/dots_scalar.h"
#include "engine/kernels/cpu/table.h"
#include "engine/kernels/cpu/targets.h"

namespace reprise::engine::kernels {

constinit const KernelTable kScalarKernels = table_over<ScalarLanes, ScalarDots>("scalar");

}  // namespace reprise::engine::kernels
