#if defined(__x86_64__)

#include "engine/kernels/cpu/dots_avx512_vnni.h"
#include "engine/kernels/cpu/linear_blocks.h"
#include "engine/kernels/cpu/targets.h"

namespace reprise::engine::kernels {

constinit const BlockKernels kAvx512VnniBlocks = {linear_blocks<Avx512Lanes, VnniDots>,
                                                  linear_blocks_workspace<Avx512Lanes, VnniDots>};

}  // namespace reprise::engine::kernels

#endif
