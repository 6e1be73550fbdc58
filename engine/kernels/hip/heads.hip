// Heads on their way from their projections to attention: norms and rotations of queries and keys, and keys
// and values into the cache.
#include "engine/kernels/hip/chains.h"
#include "engine/kernels/hip/launch.h"
#include "engine/kernels/hip/program.h"
#include "engine/kernels/hip/stores.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

constexpr int kThreads = 128;
constexpr int kGroups = kThreads / kRowLanes;
constexpr int kMaxHead = static_cast<int>(kMaxFusedHead);

enum class Kind : std::uint8_t { query, key, value };

/// Rows of one kind: [n_tokens, n_heads, head_dim].
struct Heads {
  float* rows;
  const float* norm;  ///< weights; null: of ones
  int n_heads;
};

struct Operands {
  Heads queries;
  Heads keys;
  const float* values;
  std::byte* key_cache;
  std::byte* value_cache;
  std::int64_t n_positions;
  const std::int64_t* first_position;
  const float* cosine;
  const float* sine;
  float eps;
  int n_tokens;
  int head_dim;
  bool with_norm;
  bool split;  ///< RotaryLayout::half
};

/// One head of one token.
struct Head {
  Kind kind;
  int token;
  int head;
  std::int64_t row;  ///< of its kind's rows
};

__device__ inline Head head_at(const Operands& op, std::int64_t i) {
  const std::int64_t per_token = op.queries.n_heads + 2 * op.keys.n_heads;
  const int token = static_cast<int>(i / per_token);
  int head = static_cast<int>(i % per_token);
  Kind kind = Kind::query;
  if (head >= op.queries.n_heads) {
    head -= op.queries.n_heads;
    kind = head < op.keys.n_heads ? Kind::key : Kind::value;
    head -= kind == Kind::key ? 0 : op.keys.n_heads;
  }
  const int n_heads = kind == Kind::query ? op.queries.n_heads : op.keys.n_heads;
  return {kind, token, head, static_cast<std::int64_t>(token) * n_heads + head};
}

/// A group of 16 lanes takes a head. Grid: [heads of all tokens].
template <class Cache>
__global__ void place_heads(Operands op) {
  __shared__ float staged[kGroups][kMaxHead];
  const std::int64_t n = static_cast<std::int64_t>(op.n_tokens) * (op.queries.n_heads + 2 * op.keys.n_heads);
  const std::int64_t i = static_cast<std::int64_t>(block_x()) * kGroups + group_in_block();
  const bool exists = i < n;
  const Head head = head_at(op, exists ? i : n - 1);
  const Heads& heads = head.kind == Kind::query ? op.queries : op.keys;
  const float* source = (head.kind == Kind::value ? op.values : heads.rows) + head.row * op.head_dim;
  const int lane = chain_of_lane();
  float* x = staged[group_in_block()];
  for (int k = lane; k < op.head_dim; k += kRowLanes) {
    x[k] = source[k];
  }
  if (op.with_norm) {
    const float sum = chain_sum(op.head_dim, [x](std::int64_t k) { return Factors{x[k], x[k]}; });
    const float scale = 1.0F / square_root(sum / static_cast<float>(op.head_dim) + op.eps);
    for (int k = lane; k < op.head_dim && head.kind != Kind::value; k += kRowLanes) {
      const float scaled = x[k] * scale;
      x[k] = heads.norm == nullptr ? scaled : scaled * heads.norm[k];
    }
  }
  wait_for_block();
  const std::int64_t position = *op.first_position + head.token;
  const int half = op.head_dim / 2;
  for (int pair = lane; pair < half && head.kind != Kind::value; pair += kRowLanes) {
    const float cosine = op.cosine[position * half + pair];
    const float sine = op.sine[position * half + pair];
    float& first = x[op.split ? pair : 2 * pair];
    float& second = x[op.split ? pair + half : 2 * pair + 1];
    const float a = first;
    const float b = second;
    first = __builtin_fmaf(a, cosine, -(b * sine));
    second = __builtin_fmaf(b, cosine, a * sine);
  }
  wait_for_block();
  if (!exists) {
    return;
  }
  if (head.kind != Kind::value) {
    for (int k = lane; k < op.head_dim; k += kRowLanes) {
      heads.rows[head.row * op.head_dim + k] = x[k];
    }
  }
  if (head.kind != Kind::query) {
    std::byte* const cache = head.kind == Kind::key ? op.key_cache : op.value_cache;
    store_row(reinterpret_cast<Cache*>(cache), head.head * op.n_positions + position, x, op.head_dim, lane,
              kRowLanes);
  }
}

}  // namespace

void heads(std::span<const Operation> operations, const StepMemory& step, hipStream_t stream) {
  const bool with_norm = std::holds_alternative<RmsNorm>(operations.front());
  const auto* norms = with_norm ? std::get_if<RmsNorm>(&operations[0]) : nullptr;
  const auto* key_norm = with_norm ? std::get_if<RmsNorm>(&operations[1]) : nullptr;
  const std::size_t first = with_norm ? 2 : 0;
  const Rope& q = std::get<Rope>(operations[first]);
  const Rope& k = std::get<Rope>(operations[first + 1]);
  const StoreKv& store = std::get<StoreKv>(operations[first + 2]);
  const Operands operands = {
      {q.x.data(), with_norm ? norms->weight.data() : nullptr, static_cast<int>(q.x.extent(1))},
      {k.x.data(), with_norm ? key_norm->weight.data() : nullptr, static_cast<int>(k.x.extent(1))},
      store.values.data(),
      store.key_cache.data(),
      store.value_cache.data(),
      store.key_cache.extent(1),
      step.first_position,
      q.cosine.data(),
      q.sine.data(),
      with_norm ? norms->eps : 0.0F,
      static_cast<int>(q.x.extent(0)),
      static_cast<int>(q.x.extent(2)),
      with_norm,
      q.layout == RotaryLayout::half};
  const std::int64_t n_heads = q.x.extent(0) * (q.x.extent(1) + 2 * k.x.extent(1));
  with_cache_type(store.key_cache.dtype(), [&]<class T>(T /*type*/) {
    REPRISE_LAUNCH(place_heads<T>, dim3(pieces(n_heads, kGroups)), kThreads, stream, operands);
  });
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
