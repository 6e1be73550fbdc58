#if defined(__x86_64__)

#include "engine/kernels/cpu/dots_avx2.h"
#include "engine/kernels/cpu/table.h"
#include "engine/kernels/cpu/targets.h"

namespace reprise::engine::kernels {

constinit const KernelTable kAvx2Kernels = table_over<Avx2Lanes, Avx2Dots>("avx2");

}  // namespace reprise::engine::kernels

#endif
