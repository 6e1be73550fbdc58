/// Sixteen rows of blocks, a lane each: what the lane types read weights in blocks through.
#pragma once

#include "engine/kernels/dispatch.h"

namespace reprise::engine::kernels {

template <class Block>
struct BlockRows {
  const Block* first;
  alignas(
      64) std::int32_t offsets[16];  ///< bytes from `first` to each row; rows past the end repeat the last

  [[nodiscard]] REPRISE_INLINE const Block& at(int row, std::int64_t b) const {
    return *(reinterpret_cast<const Block*>(reinterpret_cast<const std::byte*>(first) + offsets[row]) + b);
  }
};

/// Rows o, o + step, ... of a weight [n_out, n_in], n_rows of them, at most 16. Offsets must fit 32 bits: see
/// longest_step().
template <class Block>
REPRISE_INLINE BlockRows<Block> block_rows(const BlockView<Block>& weight, std::int64_t o,
                                           std::int64_t n_rows, std::int64_t step = 1) {
  const BlockCursor<Block> row = weight.row(o);
  const std::int64_t row_bytes = weight.extent(1) / kBlock * static_cast<std::int64_t>(sizeof(Block));
  BlockRows<Block> rows;
  rows.first = &row.block();
  for (std::int64_t r = 0; r < 16; ++r) {
    rows.offsets[r] = static_cast<std::int32_t>((r < n_rows ? r : n_rows - 1) * step * row_bytes);
  }
  return rows;
}

/// The most rows that may lie between the rows of block_rows().
template <class Block>
REPRISE_INLINE std::int64_t longest_step(const BlockView<Block>& weight) {
  const std::int64_t row_bytes = weight.extent(1) / kBlock * static_cast<std::int64_t>(sizeof(Block));
  return INT32_MAX / 16 / row_bytes;
}

}  // namespace reprise::engine::kernels
