/// The tables that target_*.cpp define, for cpu_kernels.cpp to choose from.
#pragma once

#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

extern const KernelTable kScalarKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512Kernels;
#endif

}  // namespace reprise::engine::kernels
