#if defined(__x86_64__)

#include "engine/kernels/cpu/linear_blocks_amx.h"

namespace reprise::engine::kernels {

constinit const BlockKernels kAmxBlocks = {amx_linear_blocks, amx_linear_blocks_workspace};

}  // namespace reprise::engine::kernels

#endif
