/// Matrix products with f32, f16 or bf16 weights over lanes V: few tokens stream rows (linear_rows.h), many
/// tokens use packed panels (linear_panels.h). Each output is one chain sum either way, so the choice cannot
/// change a bit.
#pragma once

#include "engine/kernels/cpu/linear_panels.h"
#include "engine/kernels/cpu/linear_rows.h"
#include "engine/kernels/dispatch.h"

namespace reprise::engine::kernels {

/// From this many tokens on, packing a panel costs less than streaming its rows in tiles.
inline constexpr std::int64_t kPanelTokens = 12;

template <class V>
std::size_t linear_workspace(const Linear& op) {
  return op.x.extent(0) < kPanelTokens ? 0 : Panels<V>(op).workspace_bytes();
}

template <class V>
void linear(const Linear& op, Slice slice) {
  with_element_type(op.weight, [&](auto weight) {
    if (op.x.extent(0) < kPanelTokens) {
      linear_rows<V>(op, weight, share_of(weight.extent(0), slice, V::kDecodeRows));
    } else {
      linear_panels<V>(op, weight, share_of(weight.extent(0), slice, V::kPanel * kLanes), slice.workspace);
    }
  });
}

}  // namespace reprise::engine::kernels
