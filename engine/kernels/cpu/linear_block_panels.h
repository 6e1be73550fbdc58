/// Products of many tokens with weights in blocks: panels of kPanel * 16 rows are unpacked once, kDepth
/// consecutive weights of a row in each lane, and a register tile of kGroup tokens runs over them block by
/// block: integer sums inside the block, then one conversion, one product of the two scales and one fused
/// multiply-add for each output.
#pragma once

#include "engine/kernels/cpu/block_activations.h"
#include "engine/kernels/cpu/block_rows.h"
#include "engine/kernels/cpu/outputs.h"

namespace reprise::engine::kernels {

/// A panel in memory: for each block [32 / kDepth, kPanel, 16] lanes of 32 bits, and [kPanel, 16] scales.
template <class V, class D>
struct BlockPanel {
  static constexpr std::int64_t kRows = D::kPanel * kLanes;
  static constexpr std::int64_t kWords = kBlock / D::kDepth;  // lanes of 32 bits that a row has in a block

  float* words;
  float* scales;

  REPRISE_INLINE static std::size_t size_bytes(std::int64_t n_blocks) {
    return static_cast<std::size_t>(n_blocks * (kWords + 1) * kRows) * sizeof(float);
  }
  REPRISE_INLINE BlockPanel(std::byte* memory, std::int64_t n_blocks)
      : words(reinterpret_cast<float*>(memory)), scales(words + n_blocks * kWords * kRows) {}

  /// Unpacks 16 rows into vector p of each step.
  template <class Block>
  REPRISE_PART void pack(const BlockRows<Block>& rows, std::int64_t n_blocks, int p) {
    constexpr std::int64_t kTogether = kLanes / kWords;  // blocks whose words fill a tile of 16 x 16
    for (std::int64_t b = 0; b < n_blocks; b += kTogether) {
      const std::int64_t n = n_blocks - b < kTogether ? n_blocks - b : kTogether;
      alignas(64) float tile[kLanes * kLanes];
      for (int r = 0; r < kLanes; ++r) {
        for (std::int64_t i = 0; i < kTogether; ++i) {
          typename D::Weight values[kBlock];
          D::unpack(rows.at(r, b + (i < n ? i : 0)), values);
          __builtin_memcpy(tile + r * kLanes + i * kWords, values, sizeof(values));
        }
      }
      for (int word = 0; word < n * kWords; word += 4) {
        V lanes[4];
        V::template transpose_quarter<kLanes>(tile + word, kLanes, lanes);
        for (int i = 0; i < 4; ++i) {
          lanes[i].store(words + ((b * kWords + word + i) * D::kPanel + p) * kLanes);
        }
      }
      for (std::int64_t i = 0; i < n; ++i) {
        D::block_scales(rows.column(b + i)).store(scales + ((b + i) * D::kPanel + p) * kLanes);
      }
    }
  }
};

/// Outputs o .. of tokens t .. t + n_tokens - 1 (of Tokens computed).
template <class V, class D, int Tokens, class Block>
[[gnu::noinline]] void block_panel_tile(const Linear& op, const BlockActivations<D, Block>& x,
                                        const BlockPanel<V, D>& panel, std::int64_t t, std::int64_t n_tokens,
                                        std::int64_t o, std::int64_t n_rows) {
  V sum[Tokens][D::kPanel];
  std::int64_t token[Tokens];  // beyond the last one: the last again
  for (int c = 0; c < Tokens; ++c) {
    token[c] = t + (c < n_tokens ? c : n_tokens - 1);
    for (int p = 0; p < D::kPanel; ++p) {
      sum[c][p] = V::broadcast(0.0F);
    }
  }
  const auto* words = reinterpret_cast<const std::byte*>(panel.words);
  const float* scales = panel.scales;
  for (std::int64_t b = 0; b < x.n_blocks(); ++b) {
    typename D::Ints dots[Tokens][D::kPanel];
    const typename D::Activation* values[Tokens];
    for (int c = 0; c < Tokens; ++c) {
      values[c] = x.values(token[c], b);
      for (int p = 0; p < D::kPanel; ++p) {
        dots[c][p] = D::ints(x.offset(token[c], b));
      }
    }
#pragma GCC unroll 8
    for (int word = 0; word < BlockPanel<V, D>::kWords; ++word) {
      typename D::Ints weights[D::kPanel];
      for (int p = 0; p < D::kPanel; ++p) {
        weights[p] = D::load(words);
        words += kLanes * sizeof(float);
      }
      for (int c = 0; c < Tokens; ++c) {
        for (int p = 0; p < D::kPanel; ++p) {
          dots[c][p] = D::dot(dots[c][p], weights[p], values[c] + word * D::kDepth);
        }
      }
    }
    for (int p = 0; p < D::kPanel; ++p) {
      const V weight_scales = V::load(scales);
      scales += kLanes;
      for (int c = 0; c < Tokens; ++c) {
        const V scale = weight_scales * V::broadcast(x.scale(token[c], b));
        sum[c][p] = V::fma(D::to_float(dots[c][p]), scale, sum[c][p]);
      }
    }
  }
  for (int c = 0; c < Tokens && c < n_tokens; ++c) {
    for (int p = 0; p < D::kPanel; ++p) {
      const std::int64_t left = n_rows - p * kLanes;
      if (left > 0) {
        store_outputs(op, t + c, o + p * kLanes, left < kLanes ? left : kLanes, sum[c][p]);
      }
    }
  }
}

/// Output rows `range` for all tokens.
template <class V, class D, class Block>
REPRISE_PART void linear_block_panels(const Linear& op, const BlockActivations<D, Block>& x,
                                      const BlockView<Block>& weight, Range range, std::byte* memory) {
  using Panel = BlockPanel<V, D>;
  Panel panel(memory, x.n_blocks());
  for (std::int64_t o = range.begin; o < range.end; o += Panel::kRows) {
    const std::int64_t n_rows = range.end - o < Panel::kRows ? range.end - o : Panel::kRows;
    for (int p = 0; p < D::kPanel && p * kLanes < n_rows; ++p) {
      const std::int64_t left = n_rows - p * kLanes;
      panel.pack(block_rows(weight, o + p * kLanes, left < kLanes ? left : kLanes), x.n_blocks(), p);
    }
    for (std::int64_t t = 0; t < op.x.extent(0); t += D::kGroup) {
      const std::int64_t n = op.x.extent(0) - t;
      if (n > D::kGroup * 2 / 3) {
        block_panel_tile<V, D, D::kGroup>(op, x, panel, t, n, o, n_rows);
      } else if (n > D::kGroup / 3) {
        block_panel_tile<V, D, D::kGroup * 2 / 3>(op, x, panel, t, n, o, n_rows);
      } else {
        block_panel_tile<V, D, D::kGroup / 3>(op, x, panel, t, n, o, n_rows);
      }
    }
  }
}

}  // namespace reprise::engine::kernels
