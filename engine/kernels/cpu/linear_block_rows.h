/// Products of a few tokens with weights in blocks: 16 rows are streamed side by side, a lane each, so that
/// the blocks of each row are added in order, as the definition has it, without a sum of floats across lanes.
#pragma once

#include "engine/kernels/cpu/block_activations.h"
#include "engine/kernels/cpu/block_rows.h"
#include "engine/kernels/cpu/outputs.h"

namespace reprise::engine::kernels {

/// Tokens that pass over a group of 16 rows while its blocks are in L1.
inline constexpr int kBlockTokens = 4;

/// Bytes ahead of the current block to prefetch in each row's stream.
inline constexpr std::int64_t kBlockPrefetchBytes = 1024;

/// Asks for what each row's stream holds further on, at least once for each line.
template <class Block>
REPRISE_INLINE void prefetch_blocks(const BlockStreams<Block>& weights, std::int64_t b) {
  if (b % (64 / static_cast<std::int64_t>(sizeof(Block))) == 0) {
    for (int r = 0; r < kLanes; ++r) {
      weights.prefetch(r, kBlockPrefetchBytes);
    }
  }
}

/// Sixteen outputs, `step` apart, of which the first `n_skipped` are not stored.
struct BlockOutputs {
  std::int64_t first;
  std::int64_t step;
  std::int64_t n_skipped = 0;
};

/// For Tokens tokens from t.
template <class V, class D, int Tokens, class Block>
REPRISE_PART void block_row_tile(const Linear& op, const BlockActivations<D, Block>& x,
                                 const BlockView<Block>& weight, BlockOutputs outputs, std::int64_t t) {
  V sum[Tokens];
  for (int c = 0; c < Tokens; ++c) {
    sum[c] = V::broadcast(0.0F);
  }
  BlockStreams<Block> weights(weight, outputs.first, outputs.step);
  for (std::int64_t b = 0; b < x.n_blocks(); ++b) {
    prefetch_blocks(weights, b);
    const V weight_scales = D::block_scales(weights);
    for (int c = 0; c < Tokens; ++c) {
      const V dots = D::block_dots(weights, x.values(t + c, b), x.offset(t + c, b));
      sum[c] = V::fma(dots, weight_scales * V::broadcast(x.scale(t + c, b)), sum[c]);
    }
    weights.advance();
  }
  for (int c = 0; c < Tokens; ++c) {
    alignas(64) float y[kLanes];
    sum[c].store(y);
    for (std::int64_t r = outputs.n_skipped; r < kLanes; ++r) {
      store_output(op, t + c, outputs.first + r * outputs.step, y[r]);
    }
  }
}

/// For all tokens.
template <class V, class D, class Block>
REPRISE_INLINE void block_row_outputs(const Linear& op, const BlockActivations<D, Block>& x,
                                      const BlockView<Block>& weight, BlockOutputs outputs) {
  std::int64_t t = 0;
  for (; t + kBlockTokens <= op.x.extent(0); t += kBlockTokens) {
    block_row_tile<V, D, kBlockTokens>(op, x, weight, outputs, t);
  }
  for (; t < op.x.extent(0); ++t) {
    block_row_tile<V, D, 1>(op, x, weight, outputs, t);
  }
}

/// Rows between the 16 streams that go through n_rows rows, at least 16 rows. Streams that lie a multiple of
/// half a page apart fall into the same few sets of the L1 cache and drive out each other's prefetched lines:
/// then one row less, unless that leaves none or is no better.
REPRISE_INLINE std::int64_t rows_between_streams(std::int64_t n_rows, std::int64_t row_bytes) {
  const std::int64_t step = n_rows / kLanes;
  return step > 1 && row_bytes % 2048 != 0 && step * row_bytes % 2048 == 0 ? step - 1 : step;
}

/// Output rows `range` for all tokens. The 16 rows of a tile come from 16 parts of the range, so that each is
/// a stream of its own through memory: more streams, more fetches under way (linear_rows.h). The last few
/// rows are computed with those before them, or, where there are none, one by one in all 16 lanes.
template <class V, class D, class Block>
REPRISE_PART void linear_block_rows(const Linear& op, const BlockActivations<D, Block>& x,
                                    const BlockView<Block>& weight, Range range) {
  const std::int64_t row_bytes = x.n_blocks() * static_cast<std::int64_t>(sizeof(Block));
  std::int64_t o = range.begin;
  while (o + kLanes <= range.end) {
    const std::int64_t step = rows_between_streams(range.end - o, row_bytes);
    for (std::int64_t i = 0; i < step; ++i) {
      block_row_outputs<V>(op, x, weight, {o + i, step});
    }
    o += step * kLanes;
  }
  if (o < range.end && range.end >= kLanes) {
    block_row_outputs<V>(op, x, weight, {range.end - kLanes, 1, kLanes - (range.end - o)});
    return;
  }
  for (; o < range.end; ++o) {
    block_row_outputs<V>(op, x, weight, {o, 0, kLanes - 1});
  }
}

}  // namespace reprise::engine::kernels
