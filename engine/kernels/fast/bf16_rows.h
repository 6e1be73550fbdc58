/// The vector loops around a product by dot products: operands to bf16 before, bias and residual after.
/// Compiled for AVX-512 with its bf16 extension; callers have asked has_bf16_dots(). Used by bf16_linear.cpp.
#pragma once

#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

/// Rounds n values to nearest even; subnormal ones become zeros.
void to_bf16_avx512(Bf16* to, const float* from, std::int64_t n);
void to_bf16_avx512(Bf16* to, const F16* from, std::int64_t n);

/// n outputs of one token: out[i] = residual[i] + (sums[i] + bias[i]); `bias` and `residual` may be null, and
/// `residual` may be `out`.
void finish_outputs_avx512(float* out, const float* sums, const float* bias, const float* residual,
                           std::int64_t n);

}  // namespace reprise::engine::kernels
