#include "engine/kernels/cpu/lanes_scalar.h"
#include "engine/kernels/cpu/table.h"
#include "engine/kernels/cpu/targets.h"

namespace reprise::engine::kernels {

constinit const KernelTable kScalarKernels = table_over<ScalarLanes>("scalar");

}  // namespace reprise::engine::kernels
