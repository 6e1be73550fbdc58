/// Products of many tokens with f32, f16 or bf16 weights: bound by arithmetic, so laid out for the
/// multipliers.
///
/// Weights are taken in panels of kPanel * 16 output rows, widened and transposed chain by chain (pack.h),
/// tokens in groups of kGroup, likewise. A register tile of one group and one panel then runs through the 16
/// chains in turn: each step is kGroup broadcasts times kPanel weight vectors, and no sum crosses lanes. What
/// it computes is the chain sum of each output, bit for bit. (A tile of dot products over row-major rows
/// reaches 36 % of peak: rows 4 KiB apart share their cache sets.)
#pragma once

#include "engine/kernels/cpu/outputs.h"
#include "engine/kernels/cpu/pack.h"

namespace reprise::engine::kernels {

/// Tokens that are packed at a time. Each panel of weights is packed once for all of them; their packed
/// activations (6 MiB at 3,072 inputs) pass by from L2 and L3.
inline constexpr std::int64_t kPackedTokens = 516;

/// Bytes of packed panels that stay in L2 beside the group of tokens that passes.
inline constexpr std::int64_t kPanelBytes = 768 * 1024;

/// Groups and panels of one product.
template <class V>
struct Panels {
  ChainLayout tokens;       ///< of one group
  ChainLayout weights;      ///< of one panel
  std::int64_t n_together;  ///< panels packed at a time, so that tokens pass by from L3 less often
  std::int64_t n_packed;    ///< tokens packed at a time

  REPRISE_INLINE explicit Panels(const Linear& op)
      : tokens(op.x.extent(1), V::kGroup), weights(op.x.extent(1), V::kPanel * kLanes) {
    // Equal parts, so that no part is a few tokens for which all panels are packed again.
    const std::int64_t n = op.x.extent(0);
    const std::int64_t parts = (n + kPackedTokens - 1) / kPackedTokens;
    n_together = kPanelBytes / (weights.size() * 4) > 1 ? kPanelBytes / (weights.size() * 4) : 1;
    n_packed = ((n + parts - 1) / parts + V::kGroup - 1) / V::kGroup * V::kGroup;
  }
  [[nodiscard]] REPRISE_INLINE std::size_t workspace_bytes() const {
    return static_cast<std::size_t>(n_packed / V::kGroup * tokens.size() + n_together * weights.size()) *
           sizeof(float);
  }
};

/// The sums of Tokens tokens of a group times one panel, handed to store(token, vector, sum).
template <class V, int Tokens, class Store>
REPRISE_INLINE void panel_tile(const float* x, const ChainLayout& tokens, const float* w,
                               const ChainLayout& weights, Store&& store) {
  V folded[4][Tokens][V::kPanel];  // partial sums of the tree, one for each level
  for (unsigned pass = 0; pass < kLanes; ++pass) {
    const float* at_x = x + chain_of_pass(pass) * tokens.stride;
    const float* at_w = w + chain_of_pass(pass) * weights.stride;
    V sum[Tokens][V::kPanel];
    for (int t = 0; t < Tokens; ++t) {
      for (int p = 0; p < V::kPanel; ++p) {
        sum[t][p] = V::broadcast(0.0F);
      }
    }
    for (std::int64_t step = 0; step < tokens.n_steps; ++step) {
      V row[V::kPanel];
      for (int p = 0; p < V::kPanel; ++p) {
        row[p] = V::load(at_w + p * kLanes);
      }
      for (int t = 0; t < Tokens; ++t) {
        const V activation = V::broadcast(at_x[t]);
        for (int p = 0; p < V::kPanel; ++p) {
          sum[t][p] = V::fma(row[p], activation, sum[t][p]);
        }
      }
      at_x += V::kGroup;
      at_w += V::kPanel * kLanes;
    }
    // As many levels are complete as the pass number ends in ones.
    unsigned level = 0;
    for (; (pass >> level & 1U) != 0; ++level) {
      for (int t = 0; t < Tokens; ++t) {
        for (int p = 0; p < V::kPanel; ++p) {
          sum[t][p] = folded[level][t][p] + sum[t][p];
        }
      }
    }
    for (int t = 0; t < Tokens; ++t) {
      for (int p = 0; p < V::kPanel; ++p) {
        if (level < 4) {
          folded[level][t][p] = sum[t][p];
        } else {
          store(t, p, sum[t][p]);
        }
      }
    }
  }
}

/// The same as outputs o .. of tokens t .. t + n_tokens - 1 (of Tokens computed).
template <class V, int Tokens>
[[gnu::noinline]] void panel_outputs(const Linear& op, const Panels<V>& panels, const float* x,
                                     const float* w, std::int64_t t, std::int64_t n_tokens, std::int64_t o,
                                     std::int64_t n_rows) {
  panel_tile<V, Tokens>(
      x, panels.tokens, w, panels.weights, [&](int token, int p, V sum) __attribute__((always_inline)) {
        const std::int64_t left = n_rows - p * kLanes;
        if (token < n_tokens && left > 0) {
          store_outputs(op, t + token, o + p * kLanes, left < kLanes ? left : kLanes, sum);
        }
      });
}

/// Output rows `rows` of tokens [first, first + n_tokens), whose activations are packed.
template <class V, class W>
REPRISE_PART void panels_of_tokens(const Linear& op, const Panels<V>& panels,
                                   const TensorView<const W>& weight, Range rows, std::int64_t first,
                                   std::int64_t n_tokens, const float* tokens, float* packed) {
  constexpr std::int64_t kRows = V::kPanel * kLanes;
  const std::int64_t n_in = op.x.extent(1);
  const std::int64_t together = panels.n_together * kRows;
  for (std::int64_t begin = rows.begin; begin < rows.end; begin += together) {
    const std::int64_t end = begin + together < rows.end ? begin + together : rows.end;
    for (std::int64_t o = begin; o < end; o += kLanes) {
      const std::int64_t panel = (o - begin) / kRows;
      pack_chains<V, kLanes>(packed + panel * panels.weights.size(), panels.weights, (o - begin) % kRows,
                             weight.row(o), n_in, end - o < kLanes ? end - o : kLanes, n_in);
    }
    const std::int64_t next = end + together < rows.end ? end + together : rows.end;
    for (std::int64_t t = 0; t < n_tokens; t += V::kGroup) {
      prefetch_part(weight.row(end), (next - end) * n_in * static_cast<std::int64_t>(sizeof(W)), t,
                    n_tokens + V::kGroup);
      const float* x = tokens + t / V::kGroup * panels.tokens.size();
      const float* w = packed;
      for (std::int64_t o = begin; o < end; o += kRows, w += panels.weights.size()) {
        const std::int64_t n_rows = end - o < kRows ? end - o : kRows;
        const std::int64_t n = n_tokens - t;
        if (n > V::kGroup * 2 / 3) {
          panel_outputs<V, V::kGroup>(op, panels, x, w, first + t, n, o, n_rows);
        } else if (n > V::kGroup / 3) {
          panel_outputs<V, V::kGroup * 2 / 3>(op, panels, x, w, first + t, n, o, n_rows);
        } else {
          panel_outputs<V, V::kGroup / 3>(op, panels, x, w, first + t, n, o, n_rows);
        }
      }
    }
  }
}

/// Output rows `rows` of all tokens.
template <class V, class W>
REPRISE_INLINE void linear_panels(const Linear& op, const TensorView<const W>& weight, Range rows,
                                  std::byte* workspace) {
  const Panels<V> panels(op);
  const std::int64_t n_in = op.x.extent(1);
  auto* packed = reinterpret_cast<float*>(workspace);
  float* tokens = packed + panels.n_together * panels.weights.size();
  for (std::int64_t first = 0; first < op.x.extent(0); first += panels.n_packed) {
    const std::int64_t left = op.x.extent(0) - first;
    const std::int64_t n_tokens = left < panels.n_packed ? left : panels.n_packed;
    for (std::int64_t t = 0; t < n_tokens; t += V::kGroup) {
      pack_chains<V, V::kGroup>(tokens + t / V::kGroup * panels.tokens.size(), panels.tokens, 0,
                                op.x.row(first + t), n_in,
                                n_tokens - t < V::kGroup ? n_tokens - t : V::kGroup, n_in);
    }
    panels_of_tokens<V>(op, panels, weight, rows, first, n_tokens, tokens, packed);
  }
}

}  // namespace reprise::engine::kernels
