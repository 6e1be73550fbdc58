/// All CPU kernels for one lane type and its integer products, as a table. Included by target_*.cpp alone:
/// each is compiled for its own instruction set, and every template here carries the lane type in its name,
/// so the sets never mix at link time.
#pragma once

#include "engine/kernels/cpu/attention.h"
#include "engine/kernels/cpu/linear.h"
#include "engine/kernels/cpu/linear_blocks.h"
#include "engine/kernels/cpu/pointwise.h"

namespace reprise::engine::kernels {

template <class V, class D>
constexpr KernelTable table_over(std::string_view isa) {
  return {.isa = isa,
          .embed = embed<V>,
          .rms_norm = rms_norm<V>,
          .layer_norm = layer_norm<V>,
          .quantize = quantize<V>,
          .linear = linear<V>,
          .linear_blocks = linear_blocks<V, D>,
          .rope = rope<V>,
          .store_kv = store_kv<V>,
          .attention = attention<V>,
          .swiglu = swiglu<V>,
          .gelu = gelu<V>,
          .relu = relu<V>,
          .linear_workspace = linear_workspace<V>,
          .linear_blocks_workspace = linear_blocks_workspace<V, D>,
          .attention_workspace = attention_workspace<V>};
}

}  // namespace reprise::engine::kernels
