/// Causal grouped-query attention over lanes V. Work is dealt by (token, key-value head), so that each cache
/// row is read once for all the query heads that share it.
#pragma once

#include "engine/kernels/cpu/lanes.h"
#include "engine/kernels/dispatch.h"

namespace reprise::engine::kernels {

/// Positions whose cache rows stay in L1 while every query head of the group passes: 32 x 512 bytes, keys or
/// values.
inline constexpr std::int64_t kPositionBlock = 32;

/// Scores of Positions consecutive positions: independent chain sums, to hide the latency of one.
template <class V, int Positions, class Rows>
REPRISE_INLINE void scores_of(float* score, const float* query, Rows keys, std::int64_t head_dim,
                              float scale) {
  V sum[Positions];
  for (int s = 0; s < Positions; ++s) {
    sum[s] = V::broadcast(0.0F);
  }
  std::int64_t i = 0;
  for (; i + kLanes <= head_dim; i += kLanes) {
    const V q = V::load(query + i);
    for (int s = 0; s < Positions; ++s) {
      sum[s] = V::fma(V::load(keys + s * head_dim + i), q, sum[s]);
    }
  }
  if (i < head_dim) {
    const V q = load_part<V>(query + i, head_dim - i);
    for (int s = 0; s < Positions; ++s) {
      sum[s] = V::fma(load_part<V>(keys + s * head_dim + i, head_dim - i), q, sum[s]);
    }
  }
  for (int s = 0; s < Positions; ++s) {
    score[s] = sum[s].fold() * scale;
  }
}

/// Turns n scores into exp(score - highest) and returns the reciprocal of their sum.
template <class V>
REPRISE_INLINE float soften(float* score, std::int64_t n) {
  V top = V::broadcast(score[0]);
  std::int64_t s = 0;
  for (; s + kLanes <= n; s += kLanes) {
    top = V::max(V::load(score + s), top);
  }
  float highest = top.highest();
  for (; s < n; ++s) {
    highest = score[s] > highest ? score[s] : highest;
  }
  const V shift = V::broadcast(highest);
  map<V>(
      score, n, [&](V x) __attribute__((always_inline)) { return exp_lanes(x - shift); }, score);
  V sum = V::broadcast(0.0F);
  for (s = 0; s + kLanes <= n; s += kLanes) {
    sum = sum + V::load(score + s);
  }
  if (s < n) {
    sum = sum + load_part<V>(score + s, n - s);
  }
  return 1.0F / sum.fold();
}

/// out[0 .. 16 Vectors) += sum_s p[s] * values[s, ...], in order of s.
template <class V, int Vectors, class Rows>
REPRISE_INLINE void add_weighted(float* out, const float* p, Rows values, std::int64_t n,
                                 std::int64_t stride) {
  V sum[Vectors];
  for (int j = 0; j < Vectors; ++j) {
    sum[j] = V::load(out + j * kLanes);
  }
  for (std::int64_t s = 0; s < n; ++s) {
    const V weight = V::broadcast(p[s]);
    for (int j = 0; j < Vectors; ++j) {
      sum[j] = V::fma(weight, V::load(values + s * stride + j * kLanes), sum[j]);
    }
  }
  for (int j = 0; j < Vectors; ++j) {
    sum[j].store(out + j * kLanes);
  }
}

/// The same for a whole head of any width.
template <class V, class Rows>
REPRISE_INLINE void add_weighted_head(float* out, const float* p, Rows values, std::int64_t n,
                                      std::int64_t head_dim) {
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= head_dim; i += 4 * kLanes) {
    add_weighted<V, 4>(out + i, p, values + i, n, head_dim);
  }
  for (; i + kLanes <= head_dim; i += kLanes) {
    add_weighted<V, 1>(out + i, p, values + i, n, head_dim);
  }
  if (i < head_dim) {
    V sum = load_part<V>(out + i, head_dim - i);
    for (std::int64_t s = 0; s < n; ++s) {
      sum = V::fma(V::broadcast(p[s]), load_part<V>(values + s * head_dim + i, head_dim - i), sum);
    }
    store_part(sum, out + i, head_dim - i);
  }
}

/// All query heads of one group, for one token that sees positions [0, n_seen).
template <class V, class Rows>
void attend_group(float* out, const float* queries, Rows keys, Rows values, float* score, std::int64_t group,
                  std::int64_t n_seen, std::int64_t head_dim, float scale) {
  for (std::int64_t s = 0; s < n_seen;) {
    const bool four = s + 4 <= n_seen;
    for (std::int64_t h = 0; h < group; ++h) {
      float* target = score + h * n_seen + s;
      if (four) {
        scores_of<V, 4>(target, queries + h * head_dim, keys + s * head_dim, head_dim, scale);
      } else {
        scores_of<V, 1>(target, queries + h * head_dim, keys + s * head_dim, head_dim, scale);
      }
    }
    s += four ? 4 : 1;
  }
  float inverse_sum[64];
  REPRISE_CHECK(group <= 64);
  for (std::int64_t h = 0; h < group; ++h) {
    inverse_sum[h] = soften<V>(score + h * n_seen, n_seen);
  }
  for (std::int64_t i = 0; i < group * head_dim; ++i) {
    out[i] = 0.0F;
  }
  for (std::int64_t s = 0; s < n_seen; s += kPositionBlock) {
    const std::int64_t n = s + kPositionBlock < n_seen ? kPositionBlock : n_seen - s;
    for (std::int64_t h = 0; h < group; ++h) {
      add_weighted_head<V>(out + h * head_dim, score + h * n_seen + s, values + s * head_dim, n, head_dim);
    }
  }
  for (std::int64_t h = 0; h < group; ++h) {
    const V inverse = V::broadcast(inverse_sum[h]);
    float* head = out + h * head_dim;
    map<V>(
        head, head_dim, [&](V x) __attribute__((always_inline)) { return x * inverse; }, head);
  }
}

template <class V>
void attention(const Attention& op, Slice slice) {
  const std::int64_t n_kv_heads = op.key_cache.extent(0);
  const std::int64_t head_dim = op.queries.extent(2);
  const std::int64_t group = op.queries.extent(1) / n_kv_heads;
  float* scratch = op.scratch.row(slice.index);
  with_readable_type(op.key_cache, [&](auto key_cache) {
    const auto value_cache = view_like(key_cache, op.value_cache);
    // Dealt in turn: later tokens see more positions, so contiguous shares would be unequal.
    const std::int64_t n_items = op.queries.extent(0) * n_kv_heads;
    for (std::int64_t item = slice.index; item < n_items; item += slice.count) {
      const std::int64_t t = item / n_kv_heads;
      const std::int64_t kv_head = item % n_kv_heads;
      const std::int64_t first = kv_head * group * head_dim;
      attend_group<V>(op.out.row(t) + first, op.queries.row(t) + first, key_cache.row(kv_head),
                      value_cache.row(kv_head), scratch, group, op.first_position + t + 1, head_dim,
                      op.scale);
    }
  });
}

}  // namespace reprise::engine::kernels
