/// Sixteen rows of blocks, a lane each: what the lane types read weights in blocks through. Packing may take
/// any block of any row (BlockRows); streaming goes through all rows side by side (BlockStreams). A column is
/// either, at one block: `at(row)` is the block of that row.
#pragma once

#include "engine/kernels/dispatch.h"

namespace reprise::engine::kernels {

template <class Block>
struct BlockRows {
  const Block* rows[16];  ///< rows past the end repeat the last

  [[nodiscard]] REPRISE_INLINE const Block& at(int row, std::int64_t b) const { return rows[row][b]; }

  struct Column {
    const BlockRows& rows;
    std::int64_t b;
    [[nodiscard]] REPRISE_INLINE const Block& at(int row) const { return rows.at(row, b); }
  };
  [[nodiscard]] REPRISE_INLINE Column column(std::int64_t b) const { return {*this, b}; }
};

/// Rows from o on of a weight [n_out, n_in], n_rows of them, at most 16.
template <class Block>
REPRISE_INLINE BlockRows<Block> block_rows(const BlockView<Block>& weight, std::int64_t o,
                                           std::int64_t n_rows) {
  BlockRows<Block> result;
  for (std::int64_t r = 0; r < 16; ++r) {
    result.rows[r] = &weight.row(o + (r < n_rows ? r : n_rows - 1)).block();
  }
  return result;
}

/// Rows o, o + step, ..., o + 15 step of a weight [n_out, n_in], all at the same block: at first block 0. An
/// address is one of four pointers and a multiple of the stride, which x86 adds up for nothing; compilers,
/// left alone, keep 16 pointers and spill most of them. (An array of four would stay in memory.)
template <class Block>
class BlockStreams {
 public:
  REPRISE_INLINE BlockStreams(const BlockView<Block>& weight, std::int64_t o, std::int64_t step)
      : stride_(step * (weight.extent(1) / kBlock) * static_cast<std::int64_t>(sizeof(Block))),
        three_strides_(3 * stride_),
        row_0_(reinterpret_cast<const std::byte*>(&weight.row(o).block())),
        row_4_(row_0_ + 4 * stride_),
        row_8_(row_0_ + 8 * stride_),
        row_12_(row_0_ + 12 * stride_) {
    hide();
  }

  [[nodiscard]] REPRISE_INLINE const Block& at(int row) const {
    const std::byte* four = row < 4 ? row_0_ : row < 8 ? row_4_ : row < 12 ? row_8_ : row_12_;
    const std::int64_t distance = row % 4 == 3 ? three_strides_ : row % 4 * stride_;
    return *reinterpret_cast<const Block*>(four + distance);
  }
  /// Asks for what row `row` holds n_bytes further on.
  REPRISE_INLINE void prefetch(int row, std::int64_t n_bytes) const {
    __builtin_prefetch(reinterpret_cast<const char*>(&at(row)) + n_bytes);
  }
  REPRISE_INLINE void advance() {
    row_0_ += sizeof(Block);
    row_4_ += sizeof(Block);
    row_8_ += sizeof(Block);
    row_12_ += sizeof(Block);
    hide();
  }

 private:
  /// What the compiler cannot see through, it does not replace by pointers of its own.
  REPRISE_INLINE void hide() {
    asm("" : "+r"(row_0_), "+r"(row_4_), "+r"(row_8_), "+r"(row_12_), "+r"(stride_), "+r"(three_strides_));
  }

  std::int64_t stride_;
  std::int64_t three_strides_;
  const std::byte* row_0_;
  const std::byte* row_4_;
  const std::byte* row_8_;
  const std::byte* row_12_;
};

}  // namespace reprise::engine::kernels
