/// Products of a few tokens with f32, f16 or bf16 weights: rows are streamed from memory once, in order, and
/// each widened weight meets all the tokens of a register tile.
#pragma once

#include "engine/kernels/cpu/lanes.h"
#include "engine/kernels/cpu/outputs.h"

namespace reprise::engine::kernels {

/// Bytes ahead of the current weight to prefetch: the hardware prefetcher stops at 4 KiB pages and loses
/// several short rows in flight; 4 KiB ahead raised two-thread streaming from 33 to 60 GB/s in the prototype.
inline constexpr std::int64_t kPrefetchBytes = 4096;

/// Outputs o, o + step, ... of Rows rows for tokens [t, t + Tokens).
template <class V, int Rows, int Tokens, class W>
REPRISE_PART void row_tile(const Linear& op, const TensorView<const W>& weight, std::int64_t o,
                           std::int64_t step, std::int64_t t) {
  constexpr std::int64_t kLine = 64 / static_cast<std::int64_t>(sizeof(W));  // elements in a cache line
  const std::int64_t n_in = weight.extent(1);
  const std::int64_t row_step = step * n_in;
  const W* w = weight.data() + o * n_in;
  const float* x = op.x.data() + t * n_in;
  V sum[Rows][Tokens];
  for (int r = 0; r < Rows; ++r) {
    for (int c = 0; c < Tokens; ++c) {
      sum[r][c] = V::broadcast(0.0F);
    }
  }
  const auto add = [&](std::int64_t k, auto load_weight, auto load_x) __attribute__((always_inline)) {
    V activations[Tokens];
    for (int c = 0; c < Tokens; ++c) {
      activations[c] = load_x(x + c * n_in + k);
    }
    for (int r = 0; r < Rows; ++r) {
      const V row = load_weight(w + r * row_step + k);
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
      __builtin_prefetch(reinterpret_cast<const char*>(w + r * row_step + k) + kPrefetchBytes);
    }
    for (std::int64_t part = 0; part < kLine; part += kLanes) {
      add(k + part, full, full);
    }
  }
  for (; k + kLanes <= n_in; k += kLanes) {
    add(k, full, full);
  }
  if (k < n_in) {
    const auto rest = [&](const auto* p) __attribute__((always_inline)) {
      return load_part<V>(p, n_in - k);
    };
    add(k, rest, rest);
  }
  for (int r = 0; r < Rows; ++r) {
    for (int c = 0; c < Tokens; ++c) {
      store_output(op, t + c, o + r * step, sum[r][c].fold());
    }
  }
}

/// Output rows `rows` for Tokens tokens from t.
template <class V, int Rows, int Tokens, class W>
REPRISE_INLINE void rows_of_tile(const Linear& op, const TensorView<const W>& weight, Range rows,
                                 std::int64_t t) {
  std::int64_t o = rows.begin;
  for (; o + Rows <= rows.end; o += Rows) {
    row_tile<V, Rows, Tokens>(op, weight, o, 1, t);
  }
  for (; o < rows.end; ++o) {
    row_tile<V, 1, Tokens>(op, weight, o, 1, t);
  }
}

/// Output rows `rows` for all tokens.
template <class V, class W>
REPRISE_PART void linear_rows(const Linear& op, const TensorView<const W>& weight, Range rows) {
  const std::int64_t n_tokens = op.x.extent(0);
  if (n_tokens == 1) {
    const std::int64_t step = (rows.end - rows.begin) / V::kDecodeRows;
    for (std::int64_t o = rows.begin; o < rows.begin + step; ++o) {
      row_tile<V, V::kDecodeRows, 1>(op, weight, o, step, 0);
    }
    for (std::int64_t o = rows.begin + step * V::kDecodeRows; o < rows.end; ++o) {
      row_tile<V, 1, 1>(op, weight, o, 1, 0);
    }
    return;
  }
  for (std::int64_t o = rows.begin; o < rows.end; o += V::kTileRows) {
    const Range tile = {o, o + V::kTileRows < rows.end ? o + V::kTileRows : rows.end};
    std::int64_t t = 0;
    for (; t + V::kTileTokens <= n_tokens; t += V::kTileTokens) {
      rows_of_tile<V, V::kTileRows, V::kTileTokens>(op, weight, tile, t);
    }
    for (; t < n_tokens; ++t) {
      rows_of_tile<V, V::kTileRows, 1>(op, weight, tile, t);
    }
  }
}

}  // namespace reprise::engine::kernels
