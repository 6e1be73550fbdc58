#if defined(__x86_64__)

#include "engine/kernels/reference/loops.h"
#include "engine/kernels/reference/targets.h"

namespace reprise::engine::kernels {

constinit const KernelTable kReferenceFmaKernels = kLoops;

void exp_differences_fma(float* out, const float* x, std::int64_t n, float highest, float temperature) {
  exp_differences_loop(out, x, n, highest, temperature);
}

}  // namespace reprise::engine::kernels

#endif
