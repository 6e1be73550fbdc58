#if defined(__x86_64__)

#include "engine/kernels/reference/loops.h"

namespace reprise::engine::kernels {

extern const KernelTable kReferenceFmaKernels;
constinit const KernelTable kReferenceFmaKernels = kLoops;

}  // namespace reprise::engine::kernels

#endif
