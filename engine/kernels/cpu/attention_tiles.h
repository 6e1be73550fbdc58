/// The two products of attention as register tiles: scores of queries with keys, and values weighted by
/// scores. Rows are pointers to floats or cursors over blocks (dispatch.h), in the cache's layout: positions
/// follow each other.
#pragma once

#include "engine/kernels/cpu/lanes.h"

namespace reprise::engine::kernels {

/// Positions ahead of the current one to prefetch where keys or values come from memory: decoding has few
/// streams, and the hardware's prefetchers alone left two threads at 14 GB/s of bf16 where this gives 21.
inline constexpr std::int64_t kPositionsAhead = 4;

/// score[q * score_stride + s * step] = (queries[q] . keys[s * step]) * scale, for all queries and Positions
/// positions: chain sums, side by side to hide the latency of one. Whole: head_dim is a multiple of 16. (A
/// tile with code for the rest after its loop keeps its sums in memory, not in registers.)
template <class V, int Queries, int Positions, bool Whole, class Rows>
REPRISE_PART void score_tile(float* score, std::int64_t score_stride, const float* const* queries,
                             Rows keys, std::int64_t step, std::int64_t head_dim, float scale) {
  V sum[Queries][Positions];
  for (int q = 0; q < Queries; ++q) {
    for (int s = 0; s < Positions; ++s) {
      sum[q][s] = V::broadcast(0.0F);
    }
  }
  for (std::int64_t i = 0; i < head_dim; i += kLanes) {
    const auto load = [&](auto p) __attribute__((always_inline)) {
      if constexpr (Whole) {
        return V::load(p);
      } else {
        return i + kLanes <= head_dim ? V::load(p) : load_part<V>(p, head_dim - i);
      }
    };
    V query[Queries];
    for (int q = 0; q < Queries; ++q) {
      query[q] = load(queries[q] + i);
    }
    for (int s = 0; s < Positions; ++s) {
      if (step > 1) {
        prefetch(keys + (s * step + kPositionsAhead) * head_dim + i);
      }
      const V key = load(keys + s * step * head_dim + i);
      for (int q = 0; q < Queries; ++q) {
        sum[q][s] = V::fma(key, query[q], sum[q][s]);
      }
    }
  }
  alignas(64) float folded[Queries][Positions];
  V::fold_each(&sum[0][0], Queries * Positions, &folded[0][0]);
  for (int q = 0; q < Queries; ++q) {
    for (int s = 0; s < Positions; ++s) {
      score[q * score_stride + s * step] = folded[q][s] * scale;
    }
  }
}

/// Scores of Queries queries with n positions. `streams`: the positions of a tile come from as many parts of
/// the n, each a stream of its own through memory; otherwise they follow each other.
template <class V, int Queries, bool Whole, class Rows>
REPRISE_PART void scores_of(float* score, std::int64_t score_stride, const float* const* queries, Rows keys,
                            std::int64_t n, std::int64_t head_dim, float scale, bool streams) {
  constexpr int kPositions = V::kScores / Queries;
  const std::int64_t n_tiles = n / kPositions;
  const std::int64_t step = streams ? n_tiles : 1;
  for (std::int64_t i = 0; i < n_tiles; ++i) {
    const std::int64_t s = streams ? i : i * kPositions;
    score_tile<V, Queries, kPositions, Whole>(score + s, score_stride, queries, keys + s * head_dim, step,
                                              head_dim, scale);
  }
  for (std::int64_t s = n_tiles * kPositions; s < n; ++s) {
    score_tile<V, Queries, 1, Whole>(score + s, score_stride, queries, keys + s * head_dim, 1, head_dim,
                                     scale);
  }
}

/// out[q][0 .. 16 Vectors) += sum_s p[q][s] * values[s, ...], in order of s.
template <class V, int Queries, int Vectors, class Rows>
REPRISE_PART void weigh_tile(float* const* out, const float* const* p, Rows values, std::int64_t n,
                             std::int64_t stride) {
  V sum[Queries][Vectors];
  for (int q = 0; q < Queries; ++q) {
    for (int j = 0; j < Vectors; ++j) {
      sum[q][j] = V::load(out[q] + j * kLanes);
    }
  }
  for (std::int64_t s = 0; s < n; ++s) {
    V value[Vectors];
    for (int j = 0; j < Vectors; ++j) {
      if constexpr (Queries <= 2) {  // wider tiles are those of many tokens, whose values are in L1
        prefetch(values + (s + kPositionsAhead) * stride + j * kLanes);
      }
      value[j] = V::load(values + s * stride + j * kLanes);
    }
    for (int q = 0; q < Queries; ++q) {
      const V weight = V::broadcast(p[q][s]);
      for (int j = 0; j < Vectors; ++j) {
        sum[q][j] = V::fma(weight, value[j], sum[q][j]);
      }
    }
  }
  for (int q = 0; q < Queries; ++q) {
    for (int j = 0; j < Vectors; ++j) {
      sum[q][j].store(out[q] + j * kLanes);
    }
  }
}

/// The same for whole heads of any width.
template <class V, int Queries, class Rows>
REPRISE_PART void weigh(float* const* out, const float* const* p, Rows values, std::int64_t n,
                        std::int64_t head_dim) {
  const auto moved = [&](std::int64_t i, auto&& use) __attribute__((always_inline)) {
    float* at[Queries];
    for (int q = 0; q < Queries; ++q) {
      at[q] = out[q] + i;
    }
    use(at);
  };
  std::int64_t i = 0;
  for (; i + V::kValues * kLanes <= head_dim; i += V::kValues * kLanes) {
    moved(
        i, [&](auto& at) __attribute__((always_inline)) {
          weigh_tile<V, Queries, V::kValues>(at, p, values + i, n, head_dim);
        });
  }
  for (; i + kLanes <= head_dim; i += kLanes) {
    moved(
        i, [&](auto& at)
               __attribute__((always_inline)) { weigh_tile<V, Queries, 1>(at, p, values + i, n, head_dim); });
  }
  for (int q = 0; i < head_dim && q < Queries; ++q) {
    V sum = load_part<V>(out[q] + i, head_dim - i);
    for (std::int64_t s = 0; s < n; ++s) {
      sum = V::fma(V::broadcast(p[q][s]), load_part<V>(values + s * head_dim + i, head_dim - i), sum);
    }
    store_part(sum, out[q] + i, head_dim - i);
  }
}

}  // namespace reprise::engine::kernels
