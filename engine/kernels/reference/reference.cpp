#include "engine/kernels/reference/reference.h"

#include "engine/kernels/reference/loops.h"

namespace reprise::engine::kernels {

#if defined(__x86_64__)
extern const KernelTable kReferenceFmaKernels;
#endif

const KernelTable& reference_kernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx")) {
    return kReferenceFmaKernels;
  }
#endif
  return kLoops;
}

}  // namespace reprise::engine::kernels
