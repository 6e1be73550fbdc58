/// Rotary positions and causal grouped-query attention with their gradients, one whole sequence at a time.
/// Gradients are added to. Used by TrainingDecoder.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/core/tensor_view.h"
#include "engine/kernels/operations.h"
#include "engine/train/arithmetic.h"

namespace reprise::engine {

/// Rotates pairs of each head by angle[t, i], in place; row t is position t.
///   (a, b) -> (a cos - b sin, b cos + a sin)
/// A rotation's gradient is the rotation back: `turn` is +1 forward, and -1 for gradients.
/// Shapes:   x [n_tokens, n_heads * head_dim]; cosine, sine [n_positions, head_dim / 2].
/// Source:   Su et al. 2021, arXiv:2104.09864; layouts as kernels/operations.h has them.
template <class T>
void rotate(TensorView<T> x, TensorView<const T> cosine, TensorView<const T> sine, RotaryLayout layout,
            T turn) {
  const std::int64_t half = cosine.extent(1);
  const std::int64_t n_heads = x.extent(1) / (2 * half);
  const std::int64_t step = layout == RotaryLayout::half ? 1 : 2;
  const std::int64_t apart = layout == RotaryLayout::half ? half : 1;
  for (std::int64_t t = 0; t < x.extent(0); ++t) {
    for (std::int64_t h = 0; h < n_heads; ++h) {
      T* head = x.row(t) + h * 2 * half;
      for (std::int64_t i = 0; i < half; ++i) {
        T& first = head[step * i];
        T& second = head[step * i + apart];
        const T a = first;
        const T b = second;
        const T s = turn * sine.row(t)[i];
        first = a * cosine.row(t)[i] - b * s;
        second = b * cosine.row(t)[i] + a * s;
      }
    }
  }
}

/// What a head's attention needs to know about its neighbours in memory.
struct HeadShape {
  std::int64_t n_heads;
  std::int64_t n_kv_heads;
  std::int64_t head_dim;

  /// Neighbouring query heads share a key-value head.
  [[nodiscard]] std::int64_t kv_head_of(std::int64_t head) const { return head / (n_heads / n_kv_heads); }
};

/// p[h, t, s] = softmax over s <= t of scale * sum_i q[t, h, i] * k[s, g, i],   g = h / (n_heads /
/// n_kv_heads) out[t, h, i] = sum_{s <= t} p[h, t, s] * v[s, g, i] Shapes:   out, q [n_tokens, n_heads *
/// head_dim]; k, v [n_tokens, n_kv_heads * head_dim];
///           p [n_heads * n_tokens, n_tokens], kept for the gradient; entries of the future are not touched.
/// Source:   Vaswani et al. 2017, arXiv:1706.03762; Ainslie et al. 2023, arXiv:2305.13245.
template <class T>
void attention(TensorView<T> out, TensorView<T> p, TensorView<const T> q, TensorView<const T> k,
               TensorView<const T> v, const HeadShape& heads, T scale) {
  const std::int64_t n_tokens = q.extent(0);
  const std::int64_t d = heads.head_dim;
  for (std::int64_t h = 0; h < heads.n_heads; ++h) {
    const std::int64_t kv_offset = heads.kv_head_of(h) * d;
    for (std::int64_t t = 0; t < n_tokens; ++t) {
      T* weights = p.row(h * n_tokens + t);
      for (std::int64_t s = 0; s <= t; ++s) {
        weights[s] = dot(q.row(t) + h * d, k.row(s) + kv_offset, d) * scale;
      }
      softmax(weights, t + 1);
      T* mixed = out.row(t) + h * d;
      std::fill(mixed, mixed + d, T{0});
      for (std::int64_t s = 0; s <= t; ++s) {
        add_scaled(mixed, weights[s], v.row(s) + kv_offset, d);
      }
    }
  }
}

/// The gradients of attention's inputs.
template <class T>
struct AttentionGradients {
  TensorView<T> q;  ///< [n_tokens, n_heads * head_dim]
  TensorView<T> k;  ///< [n_tokens, n_kv_heads * head_dim]
  TensorView<T> v;  ///< [n_tokens, n_kv_heads * head_dim]
};

/// With d_p[s] = sum_i d_out[t, h, i] * v[s, g, i] and d_score[s] = p[s] * (d_p[s] - sum_r p[r] * d_p[r]):
///   d_v[s, g, i] += sum_{h in g, t >= s} p[h, t, s] * d_out[t, h, i]
///   d_q[t, h, i] += scale * sum_{s <= t} d_score[s] * k[s, g, i]
///   d_k[s, g, i] += scale * sum_{h in g, t >= s} d_score[s] * q[t, h, i]
template <class T>
void attention_backward(const AttentionGradients<T>& d, TensorView<const T> d_out, TensorView<const T> p,
                        TensorView<const T> q, TensorView<const T> k, TensorView<const T> v,
                        const HeadShape& heads, T scale) {
  const std::int64_t n_tokens = q.extent(0);
  const std::int64_t dim = heads.head_dim;
  std::vector<T> d_p(static_cast<std::size_t>(n_tokens));
  for (std::int64_t h = 0; h < heads.n_heads; ++h) {
    const std::int64_t q_offset = h * dim;
    const std::int64_t kv_offset = heads.kv_head_of(h) * dim;
    for (std::int64_t t = 0; t < n_tokens; ++t) {
      const T* weights = p.row(h * n_tokens + t);
      const T* d_mixed = d_out.row(t) + q_offset;
      T mean = 0;
      for (std::int64_t s = 0; s <= t; ++s) {
        T& d_weight = d_p[static_cast<std::size_t>(s)];
        d_weight = dot(d_mixed, v.row(s) + kv_offset, dim);
        mean += weights[s] * d_weight;
        add_scaled(d.v.row(s) + kv_offset, weights[s], d_mixed, dim);
      }
      for (std::int64_t s = 0; s <= t; ++s) {
        const T d_score = weights[s] * (d_p[static_cast<std::size_t>(s)] - mean) * scale;
        add_scaled(d.q.row(t) + q_offset, d_score, k.row(s) + kv_offset, dim);
        add_scaled(d.k.row(s) + kv_offset, d_score, q.row(t) + q_offset, dim);
      }
    }
  }
}

}  // namespace reprise::engine
