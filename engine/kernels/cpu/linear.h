/// Matrix products over lanes V. Each output is one chain sum over its weight row, so tiles and slices cannot
/// change a bit. Decoding (one token) streams rows; several tokens share each widened weight in a register
/// tile.
#pragma once

#include "engine/kernels/cpu/lanes.h"
#include "engine/kernels/cpu/linear_blocks.h"
#include "engine/kernels/dispatch.h"

namespace reprise::engine::kernels {

/// Bytes ahead of the current weight to prefetch: the hardware prefetcher stops at 4 KiB pages and loses
/// several short rows in flight; 4 KiB ahead raised two-thread streaming from 33 to 60 GB/s in the prototype.
inline constexpr std::int64_t kPrefetchBytes = 4096;

/// Outputs [o, o + Rows) for tokens [t, t + Tokens).
template <class V, int Rows, int Tokens, class W>
REPRISE_INLINE void linear_tile(const Linear& op, const TensorView<const W>& weight, std::int64_t o,
                                std::int64_t t) {
  constexpr std::int64_t kLine = 64 / static_cast<std::int64_t>(sizeof(W));  // elements in a cache line
  const std::int64_t n_in = weight.extent(1);
  const W* w = weight.data() + o * n_in;
  const float* x = op.x.data() + t * n_in;
  V sum[Rows][Tokens];
  for (int r = 0; r < Rows; ++r) {
    for (int c = 0; c < Tokens; ++c) {
      sum[r][c] = V::broadcast(0.0F);
    }
  }
  const auto step = [&](std::int64_t k, auto load_weight, auto load_x) __attribute__((always_inline)) {
    V activations[Tokens];
    for (int c = 0; c < Tokens; ++c) {
      activations[c] = load_x(x + c * n_in + k);
    }
    for (int r = 0; r < Rows; ++r) {
      const V row = load_weight(w + r * n_in + k);
      for (int c = 0; c < Tokens; ++c) {
        sum[r][c] = V::fma(row, activations[c], sum[r][c]);
      }
    }
  };
  const auto full = [](const auto* p) __attribute__((always_inline)) {
    return V::load(p);
  };
  std::int64_t k = 0;
  for (; k + kLine <= n_in; k += kLine) {
    for (int r = 0; r < Rows; ++r) {
      __builtin_prefetch(reinterpret_cast<const char*>(w + r * n_in + k) + kPrefetchBytes);
    }
    for (std::int64_t part = 0; part < kLine; part += kLanes) {
      step(k + part, full, full);
    }
  }
  for (; k + kLanes <= n_in; k += kLanes) {
    step(k, full, full);
  }
  if (k < n_in) {
    const auto rest = [&](const auto* p) __attribute__((always_inline)) {
      return load_part<V>(p, n_in - k);
    };
    step(k, rest, rest);
  }
  for (int r = 0; r < Rows; ++r) {
    for (int c = 0; c < Tokens; ++c) {
      float y = sum[r][c].fold();
      if (!op.bias.empty()) {
        y += op.bias.data()[o + r];
      }
      const std::int64_t index = (t + c) * op.out.extent(1) + o + r;
      if (!op.residual.empty()) {
        y = op.residual.data()[index] + y;
      }
      op.out.data()[index] = y;
    }
  }
}

/// Output rows [rows.begin, rows.end) for Tokens tokens from t.
template <class V, int Rows, int Tokens, class W>
REPRISE_INLINE void linear_rows(const Linear& op, const TensorView<const W>& weight, Range rows,
                                std::int64_t t) {
  std::int64_t o = rows.begin;
  for (; o + Rows <= rows.end; o += Rows) {
    linear_tile<V, Rows, Tokens>(op, weight, o, t);
  }
  for (; o < rows.end; ++o) {
    linear_tile<V, 1, Tokens>(op, weight, o, t);
  }
}

template <class V>
void linear(const Linear& op, Slice slice) {
  if (is_block_format(op.weight.dtype())) {
    linear_blocks<V>(op, slice);
    return;
  }
  const std::int64_t n_tokens = op.x.extent(0);
  const Range rows = share_of(op.weight.extent(0), slice, V::kDecodeRows);
  with_element_type(op.weight, [&](auto weight) {
    if (n_tokens == 1) {
      linear_rows<V, V::kDecodeRows, 1>(op, weight, rows, 0);
      return;
    }
    for (std::int64_t block = 0; block < n_tokens; block += kTokenBlock) {
      const std::int64_t end = block + kTokenBlock < n_tokens ? block + kTokenBlock : n_tokens;
      for (std::int64_t o = rows.begin; o < rows.end; o += V::kTileRows) {
        const Range tile = {o, o + V::kTileRows < rows.end ? o + V::kTileRows : rows.end};
        std::int64_t t = block;
        for (; t + V::kTileTokens <= end; t += V::kTileTokens) {
          linear_rows<V, V::kTileRows, V::kTileTokens>(op, weight, tile, t);
        }
        for (; t < end; ++t) {
          linear_rows<V, V::kTileRows, 1>(op, weight, tile, t);
        }
      }
    }
  });
}

}  // namespace reprise::engine::kernels
