// Attention of `--numerics fast`: many tokens, on matrix cores. One pass over the positions, some at a time:
// scores, their weights relative to the largest so far, and the weighted sum of values, which a larger one
// scales down. Positions that a token does not see have the weight 0, but their values are multiplied by it.
// Source: Dao et al. 2022, arXiv:2205.14135; the running maximum: Milakov & Gimelshein 2018,
// arXiv:1805.02867.
#include <type_traits>

#include "engine/kernels/hip/launch.h"
#include "engine/kernels/hip/matrix_cores.h"
#include "engine/kernels/hip/rows.h"
#include "engine/kernels/scalar_exp.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

constexpr int kThreads = 128;
constexpr int kTokens = 64;             // of a block
constexpr int kPositions = kTileDepth;  // at a time
constexpr std::int64_t kLongestHead = 128;

/// What queries, keys, weights and values are rounded to. An f32 cache has bf16's range.
template <class CacheType>
using Rounded = std::conditional_t<std::is_same_v<CacheType, F16>, F16, Bf16>;

template <class CacheType>
struct Operands {
  float* out;
  const float* queries;
  FloatCache<CacheType> keys;
  FloatCache<CacheType> values;
  const std::int64_t* first_position;
  std::int64_t n_positions;
  int n_tokens;
  int n_heads;
  int group;  // query heads of a key-value head
  int head_dim;
  float scale;
};

/// Eight elements, element(0) to element(7), rounded.
template <class T, class Element>
__device__ Eight rounded_eight(const Element& element) {
  Eight eight = {};
  REPRISE_UNROLL
  for (int e = 0; e < 8; ++e) {
    eight.pairs[e / 2] |= static_cast<std::uint32_t>(narrow<T>(element(e))) << (e % 2 * 16);
  }
  return eight;
}

/// Operands of a block in shared memory, as matrix_cores.h wants them; kDims elements of a head, zeros beyond
/// its last.
template <class Cores, int kDims>
struct Shared {
  static constexpr int kDepths = kDims / kTileDepth;
  static constexpr int kRow = Cores::kRowEights;
  Eight queries[kDepths][kTokens * kRow];
  Eight keys[kDepths][kPositions * kRow];
  Eight values[kDims * kRow];     // transposed: a row is one element of all positions
  Eight weights[kTokens * kRow];  // a row is a token's, of all positions
};

/// Rows [first, first + kRows) of n, element(row, k) below head_dim; other rows and elements are zeros.
template <class T, int kRows, int kDims, int kRow, int kSize, class Element>
__device__ void stage_rows(Eight (&to)[kDims / kTileDepth][kSize], int n_rows, int head_dim,
                           const Element& element) {
  constexpr int kEights = kDims / 8;
  for (int i = thread_in_block(); i < kRows * kEights; i += kThreads) {
    const int row = i / kEights;
    const int eight = i % kEights;
    to[eight / kTileEights][row * kRow + eight % kTileEights] = rounded_eight<T>([&](int e) {
      const int k = eight * 8 + e;
      return row < n_rows && k < head_dim ? element(row, k) : 0.0F;
    });
  }
}

/// The same of kPositions rows, transposed.
template <class T, int kDims, int kRow, class Element>
__device__ void stage_columns(Eight* to, int n_rows, int head_dim, const Element& element) {
  for (int i = thread_in_block(); i < kDims * kTileEights; i += kThreads) {
    const int k = i % kDims;  // neighbours in memory are read by neighbouring threads
    const int eight = i / kDims;
    to[k * kRow + eight] = rounded_eight<T>([&](int e) {
      const int row = eight * 8 + e;
      return row < n_rows && k < head_dim ? element(row, k) : 0.0F;
    });
  }
}

/// f(a, b) over all lanes that hold sums of the same rows, in each of them.
template <class Cores, class F>
__device__ float over_row(float value, const F& f) {
  REPRISE_UNROLL
  for (int mask = 1; mask < Cores::kLanesOfRow; mask *= 2) {
    value = f(value, from_lane_xor(value, mask));
  }
  return value;
}

/// What a wave knows of kTileRows tokens: of each, the largest score, the lane's part of the sum of weights,
/// and the weighted sum of values.
template <class T, class Cores, int kDims>
struct Strip {
  static constexpr int kAcross = kPositions / kTileRows;
  static constexpr int kRow = Cores::kRowEights;
  using Memory = Shared<Cores, kDims>;

  float largest[Cores::kRowsOfLane];
  float sum_of_weights[Cores::kRowsOfLane] = {};
  float weighted[kDims / kTileRows][Cores::kSums] = {};

  __device__ Strip() {
    for (float& value : largest) {
      value = -__builtin_huge_valf();
    }
  }

  /// Takes the positions in shared memory. Token t of the strip sees n_seen + t of them.
  __device__ void take(Memory& memory, int first_token, std::int64_t n_seen, float scale) {
    float scores[kAcross][Cores::kSums] = {};
    for (int depth = 0; depth < Memory::kDepths; ++depth) {
      for (int piece = 0; piece < Cores::kPieces; ++piece) {
        const auto a = Cores::load_a(memory.queries[depth] + first_token * kRow, piece);
        REPRISE_UNROLL
        for (int j = 0; j < kAcross; ++j) {
          const auto b = Cores::load_b(memory.keys[depth] + j * kTileRows * kRow, piece);
          Cores::template multiply<T>(scores[j], a, b);
        }
      }
    }
    REPRISE_UNROLL
    for (int j = 0; j < kAcross; ++j) {
      REPRISE_UNROLL
      for (int i = 0; i < Cores::kSums; ++i) {
        const bool sees = j * kTileRows + Cores::column(i) < n_seen + Cores::row(i);
        scores[j][i] = sees ? scores[j][i] * scale : -__builtin_huge_valf();
      }
    }
    rescale(scores);
    weigh(memory, first_token, scores);
  }

  /// Adds the weights' products with the values, once all lanes' weights are in shared memory.
  __device__ void add_values(Memory& memory, int first_token) {
    for (int piece = 0; piece < Cores::kPieces; ++piece) {
      const auto a = Cores::load_a(memory.weights + first_token * kRow, piece);
      REPRISE_UNROLL
      for (int j = 0; j < kDims / kTileRows; ++j) {
        const auto b = Cores::load_b(memory.values + j * kTileRows * kRow, piece);
        Cores::template multiply<T>(weighted[j], a, b);
      }
    }
  }

  __device__ float inverse_sum(int row) const {
    return 1.0F / over_row<Cores>(sum_of_weights[row], [](float a, float b) { return a + b; });
  }

 private:
  /// Makes all sums relative to the largest score so far. NaNs are passed over: they show in the sums.
  __device__ void rescale(const float (&scores)[kAcross][Cores::kSums]) {
    float scale[Cores::kRowsOfLane];
    REPRISE_UNROLL
    for (int r = 0; r < Cores::kRowsOfLane; ++r) {
      float best = largest[r];
      REPRISE_UNROLL
      for (int i = 0; i < kAcross * Cores::kSums; ++i) {
        const float score = scores[i / Cores::kSums][i % Cores::kSums];
        best = Cores::row_of_lane(i % Cores::kSums) == r && score > best ? score : best;
      }
      best = over_row<Cores>(best, [](float a, float b) { return b > a ? b : a; });
      scale[r] = exp_f32(largest[r] - best);
      sum_of_weights[r] *= scale[r];
      largest[r] = best;
    }
    REPRISE_UNROLL
    for (int j = 0; j < kDims / kTileRows; ++j) {
      REPRISE_UNROLL
      for (int i = 0; i < Cores::kSums; ++i) {
        weighted[j][i] *= scale[Cores::row_of_lane(i)];
      }
    }
  }

  __device__ void weigh(Memory& memory, int first_token, const float (&scores)[kAcross][Cores::kSums]) {
    REPRISE_UNROLL
    for (int j = 0; j < kAcross; ++j) {
      REPRISE_UNROLL
      for (int i = 0; i < Cores::kSums; ++i) {
        const int row = Cores::row_of_lane(i);
        const float weight = exp_f32(scores[j][i] - largest[row]);
        sum_of_weights[row] += weight;
        const T rounded = narrow<T>(weight);
        auto* const to =
            reinterpret_cast<unsigned char*>(memory.weights + (first_token + Cores::row(i)) * kRow);
        __builtin_memcpy(to + (j * kTileRows + Cores::column(i)) * sizeof(T), &rounded, sizeof(T));
      }
    }
  }
};

template <class CacheType, class Cores, int kDims>
__device__ void attend(const Operands<CacheType>& op) {
  using T = Rounded<CacheType>;
  constexpr int kStrips = kTokens / kTileRows / (kThreads / Cores::kWave);  // of a wave
  constexpr int kRow = Cores::kRowEights;
  __shared__ Shared<Cores, kDims> memory;
  const int first_token = block_x() * kTokens;
  const int n_tokens = op.n_tokens - first_token < kTokens ? op.n_tokens - first_token : kTokens;
  const int head = block_y();
  const std::int64_t cache_row = head / op.group * op.n_positions;
  const auto row_of = [&](int token) {
    return (static_cast<std::int64_t>(first_token + token) * op.n_heads + head) * op.head_dim;
  };
  const int own_token = thread_in_block() / Cores::kWave * kStrips * kTileRows;
  const std::int64_t seen_by_first = *op.first_position + first_token + 1;
  const std::int64_t most_seen = seen_by_first + n_tokens - 1;
  stage_rows<T, kTokens, kDims, kRow>(memory.queries, n_tokens, op.head_dim,
                                      [&](int token, int k) { return op.queries[row_of(token) + k]; });
  Strip<T, Cores, kDims> strips[kStrips];
  for (std::int64_t begin = 0; begin < most_seen; begin += kPositions) {
    const int n = most_seen - begin < kPositions ? static_cast<int>(most_seen - begin) : kPositions;
    const std::int64_t first = (cache_row + begin) * op.head_dim;
    const auto at = [&](int row, int k) { return first + static_cast<std::int64_t>(row) * op.head_dim + k; };
    stage_rows<T, kPositions, kDims, kRow>(memory.keys, n, op.head_dim,
                                           [&](int row, int k) { return op.keys.at(at(row, k)); });
    stage_columns<T, kDims, kRow>(memory.values, n, op.head_dim,
                                  [&](int row, int k) { return op.values.at(at(row, k)); });
    wait_for_block();
    REPRISE_UNROLL
    for (int s = 0; s < kStrips; ++s) {
      const int token = own_token + s * kTileRows;
      strips[s].take(memory, token, seen_by_first + token - begin, op.scale);
    }
    wait_for_block();
    REPRISE_UNROLL
    for (int s = 0; s < kStrips; ++s) {
      strips[s].add_values(memory, own_token + s * kTileRows);
    }
    wait_for_block();
  }
  REPRISE_UNROLL
  for (int s = 0; s < kStrips; ++s) {
    float inverse[Cores::kRowsOfLane];
    REPRISE_UNROLL
    for (int r = 0; r < Cores::kRowsOfLane; ++r) {
      inverse[r] = strips[s].inverse_sum(r);
    }
    REPRISE_UNROLL
    for (int i = 0; i < kDims / kTileRows * Cores::kSums; ++i) {
      const int sum = i % Cores::kSums;
      const int token = own_token + s * kTileRows + Cores::row(sum);
      const int k = i / Cores::kSums * kTileRows + Cores::column(sum);
      if (token < n_tokens && k < op.head_dim) {
        op.out[row_of(token) + k] =
            strips[s].weighted[i / Cores::kSums][sum] * inverse[Cores::row_of_lane(sum)];
      }
    }
  }
}

/// A block computes one head of kTokens tokens. Grid: [tokens / kTokens, heads].
template <class CacheType, int kDims>
__global__ void __launch_bounds__(kThreads) attend_many(Operands<CacheType> op) {
  with_matrix_cores([&](auto cores) { attend<CacheType, decltype(cores), kDims>(op); });
}

}  // namespace

bool rounds_queries(const Operation& operation) {
  const auto* const op = std::get_if<Attention>(&operation);
  return op != nullptr && op->queries.extent(0) >= kFastTokens && op->key_cache.dtype() != DType::int8 &&
         op->queries.extent(2) <= kLongestHead;
}

void attention_fast(const Attention& op, const StepMemory& step, hipStream_t stream) {
  const auto n_tokens = static_cast<int>(op.queries.extent(0));
  const auto n_heads = static_cast<int>(op.queries.extent(1));
  const auto head_dim = static_cast<int>(op.queries.extent(2));
  const dim3 grid(pieces(n_tokens, kTokens), static_cast<unsigned>(n_heads));
  with_float_type(op.key_cache.dtype(), [&]<class C>(C /*type*/) {
    const Operands<C> operands = {op.out.data(),
                                  op.queries.data(),
                                  FloatCache<C>(op.key_cache.data()),
                                  FloatCache<C>(op.value_cache.data()),
                                  step.first_position,
                                  op.key_cache.extent(1),
                                  n_tokens,
                                  n_heads,
                                  n_heads / static_cast<int>(op.key_cache.extent(0)),
                                  head_dim,
                                  op.scale};
    if (head_dim <= 64) {
      REPRISE_LAUNCH((attend_many<C, 64>), grid, kThreads, stream, operands);
    } else {
      REPRISE_LAUNCH((attend_many<C, 128>), grid, kThreads, stream, operands);
    }
  });
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
