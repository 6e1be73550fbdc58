/// Causal grouped-query attention over lanes V. Work is dealt by (key-value head, block of tokens): the
/// queries of all its tokens and heads pass over each block of cache rows while that is in L1.
#pragma once

#include "engine/kernels/cpu/attention_tiles.h"
#include "engine/kernels/dispatch.h"

namespace reprise::engine::kernels {

/// Positions whose keys or values (64 x 512 bytes) stay in L1 while all queries pass.
inline constexpr std::int64_t kPositionBlock = 64;

/// Tokens that share a pass over the cache: as many as keep their scores in 2 MiB, at most these.
inline constexpr std::int64_t kAttendedTokens = 64;
inline constexpr std::int64_t kScoreFloats = 512 * 1024;

/// A single token's heads take turns, a few positions each: several streams through memory have more fetches
/// under way than one (linear_rows.h).
inline constexpr std::int64_t kHeadsInTurn = 8;
inline constexpr std::int64_t kTurnBytes = 2048;

/// A query head of a token.
struct AttentionRow {
  const float* query;
  float* out;
  float* scores;
  std::int64_t n_seen;  ///< positions that it sees
  float inverse_sum;
};

/// What one slice works through, and in what memory.
struct AttentionPlan {
  std::int64_t n_kv_heads;
  std::int64_t group;  ///< query heads of a key-value head
  std::int64_t head_dim;
  std::int64_t n_seen;    ///< positions that the last token sees
  std::int64_t n_tokens;  ///< of a block
  std::int64_t n_blocks;

  REPRISE_INLINE explicit AttentionPlan(const Attention& op)
      : n_kv_heads(op.key_cache.extent(0)),
        group(op.queries.extent(1) / n_kv_heads),
        head_dim(op.queries.extent(2)),
        n_seen(op.first_position + op.queries.extent(0)) {
    const std::int64_t all = op.queries.extent(0);
    const std::int64_t fitting = kScoreFloats / (group * n_seen);
    n_tokens = fitting < 1 ? 1 : fitting < kAttendedTokens ? fitting : kAttendedTokens;
    n_tokens = n_tokens < all ? n_tokens : all;
    n_blocks = (all + n_tokens - 1) / n_tokens;
  }
  /// Bytes for one key-value head: its rows, a block of the cache as f32, and scores.
  [[nodiscard]] REPRISE_INLINE std::size_t workspace_of_head() const {
    const std::int64_t rows = n_tokens * group;
    const std::size_t floats = static_cast<std::size_t>(kPositionBlock * head_dim + rows * n_seen);
    return static_cast<std::size_t>(rows) * sizeof(AttentionRow) + (floats + 1) / 2 * 2 * sizeof(float);
  }
  /// Key-value heads that are worked on at a time.
  [[nodiscard]] REPRISE_INLINE std::int64_t n_in_turn() const {
    return n_tokens > 1 ? 1 : n_kv_heads < kHeadsInTurn ? n_kv_heads : kHeadsInTurn;
  }
};

/// Turns n scores into exp(score - highest) and returns the reciprocal of their sum.
template <class V>
REPRISE_PART float soften(float* score, std::int64_t n) {
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

/// The queries of one key-value head for the block of tokens from `first` on: a row each, ordered by token,
/// then head.
template <class V, class Rows>
class AttentionRows {
 public:
  REPRISE_INLINE AttentionRows(const Attention& op, const AttentionPlan& plan, Rows keys, Rows values,
                               std::int64_t kv_head, std::int64_t first, std::byte* workspace)
      : plan_(plan),
        keys_(keys),
        values_(values),
        scale_(op.scale),
        single_token_(op.queries.extent(0) == 1),
        rows_(reinterpret_cast<AttentionRow*>(workspace)),
        widened_(reinterpret_cast<float*>(rows_ + plan.n_tokens * plan.group)) {
    float* scores = widened_ + kPositionBlock * plan.head_dim;
    const std::int64_t left = op.queries.extent(0) - first;
    for (std::int64_t t = first; t < first + (left < plan.n_tokens ? left : plan.n_tokens); ++t) {
      for (std::int64_t h = kv_head * plan.group; h < (kv_head + 1) * plan.group; ++h) {
        rows_[n_rows_] = {op.queries.row(t) + h * plan.head_dim, op.out.row(t) + h * plan.head_dim,
                          scores + n_rows_ * plan.n_seen, op.first_position + t + 1, 0.0F};
        ++n_rows_;
      }
    }
  }

  /// Positions that the last row sees.
  [[nodiscard]] REPRISE_INLINE std::int64_t n_seen() const { return rows_[n_rows_ - 1].n_seen; }

  /// Scores with positions [s, s + n).
  REPRISE_INLINE void score(std::int64_t s, std::int64_t n) {
    over_rows(
        keys_ + s * plan_.head_dim,
        n, [&](auto rows) __attribute__((always_inline)) { score_block(rows, s, n); });
  }
  /// Turns scores into weights; outputs start at zero.
  REPRISE_INLINE void soften_all() {
    for (std::int64_t r = 0; r < n_rows_; ++r) {
      rows_[r].inverse_sum = soften<V>(rows_[r].scores, rows_[r].n_seen);
      for (std::int64_t i = 0; i < plan_.head_dim; ++i) {
        rows_[r].out[i] = 0.0F;
      }
    }
  }
  /// Adds the values of positions [s, s + n), which follow those added before.
  REPRISE_INLINE void weigh_values(std::int64_t s, std::int64_t n) {
    over_rows(
        values_ + s * plan_.head_dim,
        n, [&](auto rows) __attribute__((always_inline)) { weigh_block(rows, s, n); });
  }
  REPRISE_INLINE void divide() {
    for (std::int64_t r = 0; r < n_rows_; ++r) {
      const V inverse = V::broadcast(rows_[r].inverse_sum);
      map<V>(
          rows_[r].out, plan_.head_dim, [&](V x) __attribute__((always_inline)) { return x * inverse; },
          static_cast<const float*>(rows_[r].out));
    }
  }

 private:
  /// Calls f with n rows, of several tokens as f32 and in memory that stays in L1: copied even if they are
  /// f32, since a cache's rows share their sets with those of other heads (76 -> 87 GFLOP/s).
  template <class F>
  REPRISE_INLINE void over_rows(Rows rows, std::int64_t n, F&& f) {
    if (single_token_) {
      f(rows);
    } else {
      map<V>(
          widened_, n * plan_.head_dim, [](V x) __attribute__((always_inline)) { return x; }, rows);
      f(static_cast<const float*>(widened_));
    }
  }

  /// A row of a tile may get scores beyond the positions it sees; nobody reads them.
  template <class BlockRows>
  REPRISE_PART void score_block(BlockRows keys, std::int64_t s, std::int64_t n) {
    for_tiles<V::kQueries, 2, 1>([&]<int Queries>(std::int64_t r) __attribute__((always_inline)) {
      const std::int64_t n_here = seen_of(r + Queries - 1, s, n);
      const float* queries[Queries];
      for (int q = 0; q < Queries; ++q) {
        queries[q] = rows_[r + q].query;
      }
      float* scores = rows_[r].scores + s;
      const bool streams = single_token_;
      if (plan_.head_dim % kLanes == 0) {
        scores_of<V, Queries, true>(scores, plan_.n_seen, queries, keys, n_here, plan_.head_dim, scale_,
                                    streams);
      } else {
        scores_of<V, Queries, false>(scores, plan_.n_seen, queries, keys, n_here, plan_.head_dim, scale_,
                                     streams);
      }
    });
  }

  /// Each row adds exactly the positions it sees.
  template <class BlockRows>
  REPRISE_PART void weigh_block(BlockRows values, std::int64_t s, std::int64_t n) {
    for_tiles<V::kWeighed, 2, 1>([&]<int Queries>(std::int64_t r) __attribute__((always_inline)) {
      float* outs[Queries];
      const float* weights[Queries];
      for (int q = 0; q < Queries; ++q) {
        outs[q] = rows_[r + q].out;
        weights[q] = rows_[r + q].scores + s;
      }
      const std::int64_t shared = seen_of(r, s, n);
      weigh<V, Queries>(outs, weights, values, shared, plan_.head_dim);
      for (int q = 1; q < Queries; ++q) {
        const std::int64_t own = seen_of(r + q, s, n) - shared;
        if (own > 0) {
          weights[q] += shared;
          weigh<V, 1>(outs + q, weights + q, values + shared * plan_.head_dim, own, plan_.head_dim);
        }
      }
    });
  }

  /// Calls f<Size>(first row) for all rows, in tiles of Size rows, then of the next sizes.
  template <int Size, int... Sizes, class F>
  REPRISE_INLINE void for_tiles(F&& f, std::int64_t r = 0) {
    for (; r + Size <= n_rows_; r += Size) {
      f.template operator()<Size>(r);
    }
    if constexpr (sizeof...(Sizes) > 0) {
      for_tiles<Sizes...>(f, r);
    }
  }

  /// How many of positions [s, s + n) row r sees.
  [[nodiscard]] REPRISE_INLINE std::int64_t seen_of(std::int64_t r, std::int64_t s, std::int64_t n) const {
    const std::int64_t left = rows_[r].n_seen - s;
    return left < 0 ? 0 : left < n ? left : n;
  }

  const AttentionPlan& plan_;
  Rows keys_;
  Rows values_;
  float scale_;
  bool single_token_;
  std::int64_t n_rows_ = 0;
  AttentionRow* rows_;  // [n_tokens * group]
  float* widened_;      // [kPositionBlock, head_dim]
};

/// Key-value heads [head, head + n_heads), for the block of tokens from `first` on. Keys are taken key_turn
/// positions at a time, values `turn`.
template <class V, class KeyView, class ValueView>
REPRISE_PART void attend_heads(const Attention& op, const AttentionPlan& plan, const KeyView& keys,
                               const ValueView& values, std::int64_t head, std::int64_t n_heads,
                               std::int64_t first, std::int64_t key_turn, std::int64_t turn,
                               std::byte* workspace) {
  using Rows = std::remove_cvref_t<decltype(keys.row(0))>;
  const auto at = [&](std::int64_t i) __attribute__((always_inline)) {
    const std::int64_t h = i < n_heads ? i : 0;  // the others are not used
    return AttentionRows<V, Rows>(op, plan, keys.row(head + h), values.row(head + h), head + h, first,
                                  workspace + static_cast<std::size_t>(h) * plan.workspace_of_head());
  };
  static_assert(kHeadsInTurn == 8);
  AttentionRows<V, Rows> heads[kHeadsInTurn] = {at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)};
  const std::int64_t n_seen = heads[0].n_seen();
  for (std::int64_t s = 0; s < n_seen; s += key_turn) {
    for (std::int64_t h = 0; h < n_heads; ++h) {
      heads[h].score(s, n_seen - s < key_turn ? n_seen - s : key_turn);
    }
  }
  for (std::int64_t h = 0; h < n_heads; ++h) {
    heads[h].soften_all();
  }
  for (std::int64_t s = 0; s < n_seen; s += turn) {
    for (std::int64_t h = 0; h < n_heads; ++h) {
      heads[h].weigh_values(s, n_seen - s < turn ? n_seen - s : turn);
    }
  }
  for (std::int64_t h = 0; h < n_heads; ++h) {
    heads[h].divide();
  }
}

template <class V>
std::size_t attention_workspace(const Attention& op) {
  const AttentionPlan plan(op);
  return static_cast<std::size_t>(plan.n_in_turn()) * plan.workspace_of_head();
}

template <class V>
void attention(const Attention& op, Slice slice) {
  const AttentionPlan plan(op);
  with_readable_type(op.key_cache, [&](auto keys) {
    const auto values = view_like(keys, op.value_cache);
    if (op.queries.extent(0) == 1) {
      const Range heads = share_of(plan.n_kv_heads, slice, 1);
      const auto row_bytes = static_cast<std::int64_t>(bytes_of(op.value_cache.dtype(), plan.head_dim));
      const std::int64_t turn = kTurnBytes > row_bytes ? kTurnBytes / row_bytes : 1;
      for (std::int64_t h = heads.begin; h < heads.end; h += plan.n_in_turn()) {
        const std::int64_t n = heads.end - h < plan.n_in_turn() ? heads.end - h : plan.n_in_turn();
        attend_heads<V>(op, plan, keys, values, h, n, 0, plan.n_seen, turn, slice.workspace);
      }
      return;
    }
    // Dealt in turn: later tokens see more positions, so contiguous shares would be unequal.
    for (std::int64_t item = slice.index; item < plan.n_blocks * plan.n_kv_heads; item += slice.count) {
      attend_heads<V>(op, plan, keys, values, item % plan.n_kv_heads, 1,
                      item / plan.n_kv_heads * plan.n_tokens, kPositionBlock, kPositionBlock,
                      slice.workspace);
    }
  });
}

}  // namespace reprise::engine::kernels
