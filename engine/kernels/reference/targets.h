/// What reference_fma.cpp defines, for reference.cpp to choose: the loops compiled for a fused multiply-add.
#pragma once

#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

#if defined(__x86_64__)
extern const KernelTable kReferenceFmaKernels;
void exp_differences_fma(float* out, const float* x, std::int64_t n, float highest, float temperature);
#endif

}  // namespace reprise::engine::kernels
