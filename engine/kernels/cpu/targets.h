/// The tables that target_*.cpp define, for cpu_kernels.cpp to choose from.
#pragma once

#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

/// Products with weights in blocks alone: what an extension of an instruction set replaces.
struct BlockKernels {
  void (*linear_blocks)(const Linear&, Slice);
  std::size_t (*workspace)(const Linear&);
};

extern const KernelTable kScalarKernels;
#if defined(__x86_64__)
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512Kernels;
extern const BlockKernels kAvx512VnniBlocks;
extern const BlockKernels kAmxBlocks;
#elif defined(__aarch64__)
extern const KernelTable kNeonKernels;
#endif

}  // namespace reprise::engine::kernels
