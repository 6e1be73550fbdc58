// Attention in two kernels: scores of all positions, then their softmax and the weighted sum of values.
#include "engine/kernels/hip/calls.h"
#include "engine/kernels/hip/chains.h"
#include "engine/kernels/hip/launch.h"
#include "engine/kernels/hip/rows.h"
#include "engine/kernels/scalar_exp.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

constexpr int kThreads = 256;
constexpr int kGroups = kThreads / kRowLanes;
/// Elements of a head that a block of the second kernel computes: with few tokens, heads alone are too few
/// blocks.
constexpr int kDims = kRowLanes;

/// Scores in memory at a time: a long prompt goes through in groups of tokens.
constexpr std::int64_t kMaxScoreBytes = std::int64_t{64} << 20;

template <class Cache>
struct Operands {
  float* out;
  const float* queries;
  Cache keys;
  Cache values;
  float* scores;                       // [n_tokens, n_heads, stride]
  const std::int64_t* first_position;  // of the first of all tokens
  std::int64_t first_token;            // of these tokens
  std::int64_t n_positions;
  std::int64_t stride;
  int n_tokens;
  int n_heads;
  int group;  // query heads of a key-value head
  int head_dim;
  float scale;

  [[nodiscard]] __device__ std::int64_t n_seen(int token) const {
    return *first_position + first_token + token + 1;
  }
  [[nodiscard]] __device__ std::int64_t query_row(int token, int head) const {
    return static_cast<std::int64_t>(token) * n_heads + head;
  }
  /// Where the rows of the head's keys and values begin.
  [[nodiscard]] __device__ std::int64_t cache_row(int head) const { return head / group * n_positions; }
};

/// A group of 16 lanes computes one score. Grid: [positions / kGroups, heads, tokens].
template <class Cache>
__global__ void score_positions(Operands<Cache> op) {
  const int head = block_y();
  const int token = block_z();
  const std::int64_t first = static_cast<std::int64_t>(block_x()) * kGroups;
  if (first >= op.n_seen(token)) {
    return;
  }
  const std::int64_t position = first + group_in_block();
  const bool seen = position < op.n_seen(token);
  const std::int64_t key = (op.cache_row(head) + (seen ? position : 0)) * op.head_dim;
  const float* query = op.queries + op.query_row(token, head) * op.head_dim;
  const float score = chain_sum(op.head_dim,
                                [&](std::int64_t k) {
                                  return Factors{op.keys.at(key + k), query[k]};
                                }) *
                      op.scale;
  if (seen && chain_of_lane() == 0) {
    op.scores[op.query_row(token, head) * op.stride + position] = score;
  }
}

/// The largest of the values of kLanes threads that follow each other, in each of them. NaNs are passed over:
/// they show in the sum.
template <int kLanes>
__device__ float largest_among(float value) {
  __shared__ float all[kThreads];
  all[thread_in_block()] = value;
  wait_for_block();
  const float* own = all + thread_in_block() / kLanes * kLanes;
  for (int i = 0; i < kLanes; ++i) {
    value = own[i] > value ? own[i] : value;
  }
  return value;
}

/// A block computes kDims elements of one head of kTokens tokens, 1 or 16: a thread each. Grid: [elements /
/// kDims, heads, tokens / kTokens].
template <class Cache, int kTokens>
__global__ void weigh_values(Operands<Cache> op) {
  constexpr int kTile = kTokens == 1 ? 512 : 128;  // positions in shared memory at a time
  constexpr int kLanes = kThreads / kTokens;       // that look for the largest score of one token
  __shared__ float weights[kTokens][kTile];
  __shared__ float values[kTile][kDims];
  __shared__ float largest[kTokens];
  const int first_dim = block_x() * kDims;
  const int head = block_y();
  const int first_token = block_z() * kTokens;
  const int n_tokens = op.n_tokens - first_token < kTokens ? op.n_tokens - first_token : kTokens;
  const auto scores_of = [&](int t) { return op.scores + op.query_row(first_token + t, head) * op.stride; };

  {
    const int t = thread_in_block() / kLanes < n_tokens ? thread_in_block() / kLanes : 0;
    const float* scores = scores_of(t);
    float best = scores[0];
    for (std::int64_t s = thread_in_block() % kLanes; s < op.n_seen(first_token + t); s += kLanes) {
      best = scores[s] > best ? scores[s] : best;
    }
    best = largest_among<kLanes>(best);
    if (thread_in_block() % kLanes == 0) {
      largest[thread_in_block() / kLanes] = best;
    }
  }
  wait_for_block();

  const int own = thread_in_block() / kDims;  // token of this thread, when below n_tokens
  const int dim = thread_in_block() % kDims;
  const bool computes = own < n_tokens;
  const std::int64_t own_seen = computes ? op.n_seen(first_token + own) : 0;
  const std::int64_t most_seen = op.n_seen(first_token + n_tokens - 1);
  float weighted = 0;
  float chain = 0;  // of the sum of weights
  for (std::int64_t begin = 0; begin < most_seen; begin += kTile) {
    for (int i = thread_in_block(); i < n_tokens * kTile; i += kThreads) {
      const int t = i / kTile;
      const std::int64_t s = begin + i % kTile;
      if (s < op.n_seen(first_token + t)) {
        weights[t][i % kTile] = exp_f32(scores_of(t)[s] - largest[t]);
      }
    }
    for (int i = thread_in_block(); i < kTile * kDims; i += kThreads) {
      const std::int64_t s = begin + i / kDims;
      const int d = first_dim + i % kDims;
      if (s < most_seen && d < op.head_dim) {
        values[i / kDims][i % kDims] = op.values.at((op.cache_row(head) + s) * op.head_dim + d);
      }
    }
    wait_for_block();
    if (begin < own_seen) {
      const int n = own_seen - begin < kTile ? static_cast<int>(own_seen - begin) : kTile;
      for (int s = 0; s < n; ++s) {
        weighted = __builtin_fmaf(weights[own][s], values[s][dim], weighted);
      }
      for (int s = chain_of_lane(); s < n; s += kRowLanes) {
        chain = __builtin_fmaf(weights[own][s], 1.0F, chain);
      }
    }
    wait_for_block();
  }
  const float inverse = 1.0F / fold_chains(padded_chain(chain, own_seen));
  if (computes && first_dim + dim < op.head_dim) {
    op.out[op.query_row(first_token + own, head) * op.head_dim + first_dim + dim] = weighted * inverse;
  }
}

/// How many tokens' scores fit the memory for them; at least one.
std::int64_t tokens_at_a_time(const Attention& op, std::int64_t n_seen) {
  const std::int64_t bytes = op.queries.extent(1) * n_seen * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t fitting = kMaxScoreBytes / bytes < 1 ? 1 : kMaxScoreBytes / bytes;
  return fitting < op.queries.extent(0) ? fitting : op.queries.extent(0);
}

template <class Cache>
void launch_attention(const Attention& op, std::int64_t n_seen, const StepMemory& step, float* scores,
                      hipStream_t stream) {
  const std::int64_t n_tokens = op.queries.extent(0);
  const std::int64_t together = tokens_at_a_time(op, n_seen);
  const auto n_heads = static_cast<int>(op.queries.extent(1));
  const auto head_dim = static_cast<int>(op.queries.extent(2));
  for (std::int64_t first = 0; first < n_tokens; first += together) {
    const std::int64_t n = n_tokens - first < together ? n_tokens - first : together;
    const Operands<Cache> operands = {op.out.row(first),
                                      op.queries.row(first),
                                      Cache(op.key_cache.data()),
                                      Cache(op.value_cache.data()),
                                      scores,
                                      step.first_position,
                                      first,
                                      op.key_cache.extent(1),
                                      n_seen,
                                      static_cast<int>(n),
                                      n_heads,
                                      n_heads / static_cast<int>(op.key_cache.extent(0)),
                                      head_dim,
                                      op.scale};
    const dim3 score_grid(pieces(n_seen, kGroups), static_cast<unsigned>(n_heads), static_cast<unsigned>(n));
    REPRISE_LAUNCH(score_positions<Cache>, score_grid, kThreads, stream, operands);
    REPRISE_HIP_CALL(hipGetLastError());  // the next launch may forget it
    const auto value_grid = [&](int tokens) {
      return dim3(pieces(head_dim, kDims), static_cast<unsigned>(n_heads), pieces(n, tokens));
    };
    if (n == 1) {
      REPRISE_LAUNCH((weigh_values<Cache, 1>), value_grid(1), kThreads, stream, operands);
    } else {
      REPRISE_LAUNCH((weigh_values<Cache, kGroups>), value_grid(kGroups), kThreads, stream, operands);
    }
  }
}

}  // namespace

std::int64_t attention_scores(const Attention& op, std::int64_t n_seen) {
  return tokens_at_a_time(op, n_seen) * op.queries.extent(1) * n_seen;
}

void attention(const Attention& op, std::int64_t n_seen, const StepMemory& step, float* scores,
               hipStream_t stream) {
  if (op.key_cache.dtype() == DType::int8) {
    launch_attention<BlockCache>(op, n_seen, step, scores, stream);
    return;
  }
  with_float_type(op.key_cache.dtype(), [&]<class T>(T /*type*/) {
    launch_attention<FloatCache<T>>(op, n_seen, step, scores, stream);
  });
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
