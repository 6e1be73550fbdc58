/// The reference's loops compiled for any machine. reference_kernels() gives those for machines with FMA
/// where there is one, so without this the others would never run in a test.
#pragma once

#include "engine/kernels/operations.h"

namespace reprise::engine::testing {

const KernelTable& base_reference_kernels();
void base_exp_differences(float* out, const float* x, std::int64_t n, float highest, float temperature);

}  // namespace reprise::engine::testing
