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

/// Asks for what each row's stream holds further on, once for each line.
template <class Block>
REPRISE_INLINE void prefetch_blocks(const BlockRows<Block>& rows, std::int64_t b) {
  if (b % (64 / static_cast<std::int64_t>(sizeof(Block))) == 0) {
    for (int r = 0; r < kLanes; ++r) {
      __builtin_prefetch(reinterpret_cast<const char*>(&rows.at(r, b)) + kBlockPrefetchBytes);
    }
  }
}

/// Outputs of 16 rows, `step` apart, for Tokens tokens from t; `n_rows` of them are stored.
template <class V, class D, int Tokens, class Block>
REPRISE_INLINE void block_row_tile(const Linear& op, const BlockActivations<D, Block>& x,
                                   const BlockRows<Block>& rows, std::int64_t o, std::int64_t n_rows,
                                   std::int64_t step, std::int64_t t) {
  V sum[Tokens];
  for (int c = 0; c < Tokens; ++c) {
    sum[c] = V::broadcast(0.0F);
  }
  for (std::int64_t b = 0; b < x.n_blocks(); ++b) {
    prefetch_blocks(rows, b);
    const V weight_scales = D::block_scales(rows, b);
    for (int c = 0; c < Tokens; ++c) {
      const V dots = D::block_dots(rows, b, x.values(t + c, b), x.offset(t + c, b));
      sum[c] = V::fma(dots, weight_scales * V::broadcast(x.scale(t + c, b)), sum[c]);
    }
  }
  for (int c = 0; c < Tokens; ++c) {
    alignas(64) float y[kLanes];
    sum[c].store(y);
    for (std::int64_t r = 0; r < n_rows; ++r) {
      store_output(op, t + c, o + r * step, y[r]);
    }
  }
}

/// Outputs of up to 16 rows, `step` apart, for all tokens.
template <class V, class D, class Block>
REPRISE_INLINE void block_row_outputs(const Linear& op, const BlockActivations<D, Block>& x,
                                      const BlockView<Block>& weight, std::int64_t o, std::int64_t n_rows,
                                      std::int64_t step) {
  const auto rows = block_rows(weight, o, n_rows, step);
  std::int64_t t = 0;
  for (; t + kBlockTokens <= op.x.extent(0); t += kBlockTokens) {
    block_row_tile<V, D, kBlockTokens>(op, x, rows, o, n_rows, step, t);
  }
  for (; t < op.x.extent(0); ++t) {
    block_row_tile<V, D, 1>(op, x, rows, o, n_rows, step, t);
  }
}

/// Output rows `range` for all tokens. The 16 rows of a tile come from 16 parts of the range, so that each is
/// a stream of its own through memory: more streams, more fetches under way (linear_rows.h).
template <class V, class D, class Block>
REPRISE_INLINE void linear_block_rows(const Linear& op, const BlockActivations<D, Block>& x,
                                      const BlockView<Block>& weight, Range range) {
  const std::int64_t longest = longest_step(weight);
  std::int64_t o = range.begin;
  while (o + kLanes <= range.end) {
    std::int64_t step = (range.end - o) / kLanes;
    step = step < longest ? step : longest;
    for (std::int64_t i = 0; i < step; ++i) {
      block_row_outputs<V>(op, x, weight, o + i, kLanes, step);
    }
    o += step * kLanes;
  }
  if (o < range.end) {
    block_row_outputs<V>(op, x, weight, o, range.end - o, 1);
  }
}

}  // namespace reprise::engine::kernels
