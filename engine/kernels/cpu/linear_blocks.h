/// Matrix products with weights in blocks, over lanes V: a lane is an output row, so that the blocks of each
/// row are added in order, as the definition has it, without a sum across lanes.
#pragma once

#include "engine/kernels/cpu/block_rows.h"
#include "engine/kernels/cpu/lanes.h"
#include "engine/kernels/dispatch.h"
#include "engine/kernels/reference/definitions.h"

namespace reprise::engine::kernels {

/// Tokens that pass over a group of 16 rows while its blocks are in L1.
inline constexpr int kBlockTokens = 4;

/// Fetches from the next group of 16 rows as many bytes as a block of this group has.
template <class Block>
REPRISE_INLINE void prefetch_blocks(const BlockRows<Block>& rows, std::int64_t b) {
  const auto* ahead = reinterpret_cast<const char*>(rows.first) + rows.ahead_bytes +
                      b * static_cast<std::int64_t>(sizeof(Block)) * kLanes;
  for (std::size_t line = 0; line < sizeof(Block) * kLanes; line += 64) {
    __builtin_prefetch(ahead + line);
  }
}

/// Outputs of 16 rows for Tokens tokens from t; `n_rows` of them are stored.
template <class V, int Tokens, class Block>
REPRISE_INLINE void block_tile(const Linear& op, const BlockRows<Block>& rows, std::int64_t o,
                               std::int64_t n_rows, std::int64_t t) {
  const std::int64_t n_blocks = op.x_blocks.scales.extent(1);
  V sum[Tokens];
  for (int c = 0; c < Tokens; ++c) {
    sum[c] = V::broadcast(0.0F);
  }
  for (std::int64_t b = 0; b < n_blocks; ++b) {
    prefetch_blocks(rows, b);
    const V weight_scales = V::block_scales(rows, b);
    for (int c = 0; c < Tokens; ++c) {
      const V dots = V::block_dots(rows, b, op.x_blocks.values.row(t + c) + b * kBlock);
      const V scales = weight_scales * V::broadcast(op.x_blocks.scales.row(t + c)[b]);
      sum[c] = V::fma(dots, scales, sum[c]);
    }
  }
  for (int c = 0; c < Tokens; ++c) {
    alignas(64) float y[kLanes];
    sum[c].store(y);
    for (std::int64_t r = 0; r < n_rows; ++r) {
      const std::int64_t index = (t + c) * op.out.extent(1) + o + r;
      if (!op.bias.empty()) {
        y[r] += op.bias.data()[o + r];
      }
      op.out.data()[index] = op.residual.empty() ? y[r] : op.residual.data()[index] + y[r];
    }
  }
}

template <class V>
void linear_blocks(const Linear& op, Slice slice) {
  const std::int64_t n_tokens = op.x.extent(0);
  const Range range = share_of(op.weight.extent(0), slice, kLanes);
  with_block_type(op.weight, [&](auto weight) {
    for (std::int64_t block = 0; block < n_tokens; block += kTokenBlock) {
      const std::int64_t end = block + kTokenBlock < n_tokens ? block + kTokenBlock : n_tokens;
      for (std::int64_t o = range.begin; o < range.end; o += kLanes) {
        const std::int64_t n_rows = o + kLanes < range.end ? kLanes : range.end - o;
        const auto rows = block_rows(weight, o, n_rows);
        std::int64_t t = block;
        for (; t + kBlockTokens <= end; t += kBlockTokens) {
          block_tile<V, kBlockTokens>(op, rows, o, n_rows, t);
        }
        for (; t < end; ++t) {
          block_tile<V, 1>(op, rows, o, n_rows, t);
        }
      }
    }
  });
}

/// Activations to blocks: see quantize_activations, which this computes 16 elements at a time.
template <class V>
void quantize(const Quantize& op, Slice slice) {
  const Range blocks = share_of(op.out.scales.count(), slice, 1);
  const V zero = V::broadcast(-0.0F);
  const V magic = V::broadcast(kRoundingMagic);
  for (std::int64_t b = blocks.begin; b < blocks.end; ++b) {
    const V low = V::load(op.x.data() + b * kBlock);
    const V high = V::load(op.x.data() + b * kBlock + kLanes);
    const float largest = V::max(V::max(low, zero - low), V::max(high, zero - high)).highest();
    const float difference = ((low - low) + (high - high)).fold();
    const bool vanishes = !(largest >= kQuantizeLowest);
    const bool finite = difference == 0.0F;
    const V inverse = V::broadcast(vanishes || !finite ? 0.0F : 127.0F / largest);
    std::int8_t* values = op.out.values.data() + b * kBlock;
    if (finite) {
      (low * inverse + magic).store_low_bytes(values);
      (high * inverse + magic).store_low_bytes(values + kLanes);
    } else {
      magic.store_low_bytes(values);
      magic.store_low_bytes(values + kLanes);
    }
    op.out.scales.data()[b] = !finite ? __builtin_nanf("") : vanishes ? 0.0F : largest / 127.0F;
  }
}

}  // namespace reprise::engine::kernels
