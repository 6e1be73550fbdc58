/// The reference kernels: plain loops, one thread, no intrinsics. They define what correct means; every other
/// backend is compared with them, bit by bit on CPUs. Not fast, and not meant to be.
#pragma once

#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

const KernelTable& reference_kernels();

/// out[i] = exp((x[i] - highest) / temperature), by the engine's exponential: what the token sampler weighs
/// with, on the host. Both spans have equal sizes; `highest` is at least every x[i].
void exp_differences(std::span<float> out, std::span<const float> x, float highest, float temperature);

}  // namespace reprise::engine::kernels
