/// The reference kernels: plain loops, one thread, no intrinsics. They define what correct means; every other
/// backend is compared with them, bit by bit on CPUs. Not fast, and not meant to be.
#pragma once

#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

const KernelTable& reference_kernels();

}  // namespace reprise::engine::kernels
