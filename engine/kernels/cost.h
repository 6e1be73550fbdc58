/// The cost model: the bytes and floating-point operations each operation needs, from its shapes alone.
///
/// Bytes count each operand once, read or written, at its stored width: the least a machine without a cache
/// that outlives the kernel must move. Flops count additions, multiplications, divisions, roots and
/// exponentials as one each and a fused multiply-add as two. Profiles divide by seconds; nothing here
/// measures.
#pragma once

#include <cstdint>

#include "engine/kernels/operations.h"

namespace reprise::engine {

/// What does the operations: the peak that they are compared with.
enum class Arithmetic : std::uint8_t {
  f32,       ///< single precision, to which narrower operands are widened
  bf16_dot,  ///< dot products of bf16 (on GPUs: or f16), summed in single precision: `--numerics fast`
  int8_dot,  ///< dot products of bytes, exact integers: matrices in blocks
};

struct Cost {
  std::int64_t bytes = 0;
  std::int64_t flops = 0;
  Arithmetic arithmetic = Arithmetic::f32;  ///< of nearly all flops
};

Cost cost_of(const Embed& op);
Cost cost_of(const RmsNorm& op);
Cost cost_of(const LayerNorm& op);
Cost cost_of(const Quantize& op);
Cost cost_of(const Linear& op);
Cost cost_of(const Rope& op);
Cost cost_of(const StoreKv& op);
Cost cost_of(const Attention& op);
Cost cost_of(const SwiGlu& op);
Cost cost_of(const Gelu& op);
Cost cost_of(const Relu& op);

/// The cost on the kernels of a table, which may have other arithmetic than the exact ones.
template <class Op>
Cost cost_on(const KernelTable& /*table*/, const Op& op) {
  return cost_of(op);
}
inline Cost cost_on(const KernelTable& table, const Linear& op) {
  Cost cost = cost_of(op);
  if (table.bf16_dots != nullptr && table.bf16_dots(op)) {
    cost.arithmetic = Arithmetic::bf16_dot;
  }
  return cost;
}

}  // namespace reprise::engine
