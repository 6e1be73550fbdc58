/// Matrix products with weights in blocks over lanes V and integer products D: few tokens stream rows
/// (linear_block_rows.h), many tokens use unpacked panels (linear_block_panels.h). An output is one chain
/// over the blocks of its row either way, so the choice cannot change a bit.
#pragma once

#include "engine/kernels/cpu/linear_block_panels.h"
#include "engine/kernels/cpu/linear_block_rows.h"
#include "engine/kernels/dispatch.h"

namespace reprise::engine::kernels {

/// From this many tokens on, unpacking a panel costs less than unpacking its rows for every few tokens.
inline constexpr std::int64_t kBlockPanelTokens = 6;

/// Workspaces start at lines, so must their parts.
REPRISE_INLINE std::size_t whole_lines(std::size_t n_bytes) {
  return (n_bytes + 63) / 64 * 64;
}

template <class V, class D>
std::size_t linear_blocks_workspace(const Linear& op) {
  std::size_t n_bytes = 0;
  with_block_type(
      op.weight, [&]<class Block>(const BlockView<Block>&) __attribute__((always_inline)) {
        n_bytes = whole_lines(BlockActivations<D, Block>::workspace_bytes(op));
      });
  return op.x.extent(0) < kBlockPanelTokens
             ? n_bytes
             : n_bytes + BlockPanel<V, D>::size_bytes(op.x_blocks.scales.extent(1));
}

template <class V, class D>
void linear_blocks(const Linear& op, Slice slice) {
  with_block_type(
      op.weight, [&]<class Block>(const BlockView<Block>& weight) __attribute__((always_inline)) {
        const BlockActivations<D, Block> x(op, slice.workspace);
        if (op.x.extent(0) < kBlockPanelTokens) {
          linear_block_rows<V>(op, x, weight, share_of(op.weight.extent(0), slice, kLanes));
        } else {
          const Range rows = share_of(op.weight.extent(0), slice, BlockPanel<V, D>::kRows);
          std::byte* panel = slice.workspace + whole_lines(BlockActivations<D, Block>::workspace_bytes(op));
          linear_block_panels<V>(op, x, weight, rows, panel);
        }
      });
}

}  // namespace reprise::engine::kernels
