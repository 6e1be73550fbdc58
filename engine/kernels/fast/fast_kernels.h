/// Kernels of `--numerics fast`: those of an instruction set, but for products of many tokens with bf16 and
/// f16 weights, which are computed by the processor's bf16 dot products (VDPBF16PS, AMX) in oneDNN.
///
/// What may differ from the exact kernels: activations (and f16 weights) are rounded to bf16, and sums are
/// taken in oneDNN's order. Everything else has the exact kernels' bits. Used by the backend `cpu`.
#pragma once

#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

/// From this many tokens on, dot products gain more than rounding and copying cost.
inline constexpr std::int64_t kDotTokens = 16;

/// The fast kernels beside `exact`, a table of cpu_kernels().
/// Errors: unsupported, in a build without oneDNN, for an instruction set narrower than avx512, and on a
/// processor without bf16 dot products.
const KernelTable& fast_kernels(const KernelTable& exact);

/// Whether fast_kernels() gives any here, for the widest instruction set.
bool fast_kernels_available();

}  // namespace reprise::engine::kernels
