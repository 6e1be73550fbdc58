/// Matrix products by bf16 dot products in oneDNN, accumulated in f32. Only in builds with oneDNN. Used by
/// fast_kernels.cpp.
#pragma once

#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

/// Whether this processor has dot products of bf16, and the operating system saves their registers.
bool has_bf16_dots();

/// A slice of a product with bf16 or f16 weights, on the calling thread alone.
///   out[t, o] = residual[t, o] + (sum_k bf16(weight[o, k]) * bf16(x[t, k]) + bias[o])
/// Numerics: rounding to nearest even, subnormals to zero; the order of the sum is oneDNN's for the shape and
/// the processor. bf16_linear_workspace() has prepared the shape before.
void bf16_linear(const Linear& op, Slice slice);

/// Bytes of workspace for each slice. Compiles the product, so that bf16_linear() need not.
/// Errors: unsupported, when oneDNN has no product of this shape; out_of_memory.
std::size_t bf16_linear_workspace(const Linear& op);

}  // namespace reprise::engine::kernels
