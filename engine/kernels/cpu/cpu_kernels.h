/// The CPU's kernels, one table for each instruction set that this build and this machine have.
#pragma once

#include <string_view>
#include <vector>

#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

/// Names of the instruction sets that can run here, widest last; "scalar" is always one of them.
std::vector<std::string_view> available_isas();

/// Every name that there are kernels for, whether or not this machine has it.
std::vector<std::string_view> known_isas();

/// The kernels of `isa`, which is "auto" (the widest available), "scalar", "avx2", "avx512",
/// "avx512_vnni", "amx" or "neon".
/// Errors: unsupported, naming the sets that this machine has; invalid_argument for any other word.
const KernelTable& cpu_kernels(std::string_view isa);

}  // namespace reprise::engine::kernels
