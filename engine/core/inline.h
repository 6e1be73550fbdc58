/// REPRISE_INLINE: for functions that must not exist apart from their callers. Kernel files are compiled for
/// newer instruction sets, and an out-of-line copy made there could be linked into code that must run on
/// older machines. Where a GPU's compiler is at work, such a function is for the GPU as well.
#pragma once

#if defined(__CUDACC__) || defined(__HIPCC__)
#define REPRISE_INLINE [[gnu::always_inline]] __host__ __device__ inline
#else
#define REPRISE_INLINE [[gnu::always_inline]] inline
#endif
