#if defined(__x86_64__)

#include "engine/kernels/cpu/dots_avx512.h"
#include "engine/kernels/cpu/table.h"
#include "engine/kernels/cpu/targets.h"

namespace reprise::engine::kernels {

constinit const KernelTable kAvx512Kernels = table_over<Avx512Lanes, Avx512Dots>("avx512");

}  // namespace reprise::engine::kernels

#endif
