// Products with weights of floats.
#include "engine/kernels/hip/chains.h"
#include "engine/kernels/hip/products.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

constexpr int kThreads = 256;
constexpr int kGroups = kThreads / kRowLanes;
/// Elements of activations in shared memory at a time: 32 KiB, which leaves room for several blocks.
constexpr int kStaged = 8192;
static_assert(kStaged >= kMaxFusedRow);
constexpr int kFloats = kLaneElements<float>;

/// The norm of the one token's activations before they are multiplied, if `x` is not null.
struct NormBefore {
  const float* x;
  const float* weight;
  float* out;
  float eps;
};

struct Operands {
  Products products;
  const float* x;
  NormBefore norm;
};

/// 16 bytes: what one load brings.
template <class T>
struct alignas(16) Load {
  T elements[kLaneElements<T>];
};

/// Puts elements [begin, begin + n) of `n_tokens` rows of x into shared memory as layout.h orders f32, so
/// that lanes read 16 bytes of their chain; with zeros up to a multiple of 16 elements. Rows are n_in apart
/// in x, `stride` apart in shared memory.
__device__ inline void stage(float* staged, int stride, const float* x, int n_in, int n_tokens, int begin,
                             int n) {
  const int padded = (n + kRowLanes - 1) / kRowLanes * kRowLanes;
  for (int t = 0; t < n_tokens; ++t) {
    for (int k = thread_in_block(); k < padded; k += kThreads) {
      staged[t * stride + place_in_row<float>(k)] =
          k < n ? x[static_cast<std::int64_t>(t) * n_in + begin + k] : 0.0F;
    }
  }
}

/// RmsNorm of the staged row of n elements, in place; one block writes it to memory too. Every group of lanes
/// computes the sum, so that none waits for another's.
__device__ inline void normalise(Load<float>* staged, const NormBefore& norm, int n) {
  const int n_chain = (n + kRowLanes - 1) / kRowLanes;
  float chain = 0;
  for (int i = 0; i < n_chain; ++i) {
    const float x = staged[i / kFloats * kRowLanes + chain_of_lane()].elements[i % kFloats];
    chain = __builtin_fmaf(x, x, chain);
  }
  const float scale = 1.0F / square_root(fold_chains(chain) / static_cast<float>(n) + norm.eps);
  wait_for_block();
  float* const elements = staged[0].elements;
  for (int k = thread_in_block(); k < n; k += kThreads) {
    float& x = elements[place_in_row<float>(k)];
    const float scaled = x * scale;
    x = norm.weight == nullptr ? scaled : scaled * norm.weight[k];
    if (block_x() == 0) {
      norm.out[k] = x;
    }
  }
  wait_for_block();
}

/// Multiplies kElements of each row's chain with those of each token, as far as there are `limit` of them.
template <bool kAll, class W, int kRows, int kTokens>
__device__ inline void multiply(float (&chains)[kRows][kTokens], const Load<W> (&w)[kRows],
                                const Load<float>* staged, int stride, int limit) {
  constexpr int kPieces = kLaneElements<W> / kFloats;  // loads of activations for one of weights
  REPRISE_UNROLL
  for (int piece = 0; piece < kPieces; ++piece) {
    REPRISE_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      const Load<float> x = staged[t * (stride / kFloats) + piece * kRowLanes];
      REPRISE_UNROLL
      for (int e = 0; e < kFloats; ++e) {
        const int element = piece * kFloats + e;
        if (kAll || element < limit) {
          REPRISE_UNROLL
          for (int r = 0; r < kRows; ++r) {
            chains[r][t] = __builtin_fmaf(widen(w[r].elements[element]), x.elements[e], chains[r][t]);
          }
        }
      }
    }
  }
}

/// A group of 16 lanes computes kRows outputs of kTokens tokens: neighbours of one product, or, kPaired, the
/// same output of two. Grid: [outputs, tokens].
template <class W, int kRows, int kTokens, bool kPaired>
__global__ void linear_rows(Operands op) {
  constexpr int kStride = kStaged / kTokens;  // a multiple of every layout's group
  constexpr int kElements = kLaneElements<W>;
  __shared__ Load<float> staged[kStaged / kFloats];
  const Products& products = op.products;
  const int n_in = products.n_in;
  const Place place = place_of_block(products, kPaired ? kGroups : kGroups * kRows);
  const int first_row = (place.block * kGroups + group_in_block()) * (kPaired ? 1 : kRows);
  const auto product_of = [&](int r) { return kPaired && r == 1 ? products.products[1] : place.product; };
  const auto row_of = [&](int r) { return kPaired ? first_row : first_row + r; };
  const W* weights[kRows];
  for (int r = 0; r < kRows; ++r) {
    const Product product = product_of(r);
    const int row =
        row_of(r) < product.n_out ? row_of(r) : 0;  // beyond the last: any, and nothing is written
    weights[r] = reinterpret_cast<const W*>(product.weight) + row * row_stride<W>(n_in);
  }
  const int first_token = block_y() * kTokens;
  const int n_tokens = products.n_tokens - first_token < kTokens ? products.n_tokens - first_token : kTokens;
  const float* x = (op.norm.x == nullptr ? op.x : op.norm.x) + static_cast<std::int64_t>(first_token) * n_in;
  float chains[kRows][kTokens] = {};
  for (int begin = 0; begin < n_in; begin += kStride) {
    const int n = n_in - begin < kStride ? n_in - begin : kStride;
    stage(staged[0].elements, kStride, x, n_in, n_tokens, begin, n);
    wait_for_block();
    if (kTokens == 1 && op.norm.x != nullptr) {
      normalise(staged, op.norm, n);
    }
    const int n_chain = (n + kRowLanes - 1) / kRowLanes;  // elements of each chain
    const auto load = [&](int i, Load<W>(&w)[kRows]) {
      for (int r = 0; r < kRows; ++r) {
        w[r] = *(reinterpret_cast<const Load<W>*>(weights[r] + begin) + i / kElements * kRowLanes +
                 chain_of_lane());
      }
    };
    const auto staged_at = [&](int i) { return staged + i / kFloats * kRowLanes + chain_of_lane(); };
    int i = 0;
    REPRISE_UNROLL_4
    for (; i + kElements <= n_chain; i += kElements) {
      Load<W> w[kRows];
      load(i, w);
      multiply<true>(chains, w, staged_at(i), kStride, kElements);
    }
    if (i < n_chain) {
      Load<W> w[kRows];
      load(i, w);
      multiply<false>(chains, w, staged_at(i), kStride, n_chain - i);
    }
    wait_for_block();
  }
  for (int t = 0; t < kTokens; ++t) {
    float sums[kRows];
    for (int r = 0; r < kRows; ++r) {
      sums[r] = fold_chains(chains[r][t]);
    }
    if (chain_of_lane() != t % kRowLanes || t >= n_tokens) {
      continue;
    }
    if (kPaired) {
      write_swiglu(products, first_row, first_token + t, sums[0], sums[kRows - 1]);
    } else {
      for (int r = 0; r < kRows; ++r) {
        write_output(place.product, products.activation, row_of(r), first_token + t, sums[r]);
      }
    }
  }
}

template <class W>
void launch_rows(const Operands& op, hipStream_t stream) {
  const auto grid = [&](int rows, int tokens) {
    return dim3(blocks_of(op.products, kGroups * rows), pieces(op.products.n_tokens, tokens));
  };
  if (op.products.activation == Activation::swiglu) {
    REPRISE_LAUNCH((linear_rows<W, 2, 1, true>), grid(1, 1), kThreads, stream, op);
  } else if (op.products.n_tokens == 1) {
    REPRISE_LAUNCH((linear_rows<W, 1, 1, false>), grid(1, 1), kThreads, stream, op);
  } else if (op.products.n_tokens <= 4) {
    REPRISE_LAUNCH((linear_rows<W, 2, 4, false>), grid(2, 4), kThreads, stream, op);
  } else {
    REPRISE_LAUNCH((linear_rows<W, 4, 8, false>), grid(4, 8), kThreads, stream, op);
  }
}

}  // namespace

void linear_floats(std::span<const Operation> operations, hipStream_t stream) {
  Operands operands = {};
  if (const auto* norm = std::get_if<RmsNorm>(&operations.front())) {
    operands.norm = {norm->x.data(), norm->weight.data(), norm->out.data(), norm->eps};
    operations = operations.subspan(1);
  }
  const Linear& first = std::get<Linear>(operations.front());
  operands.products = products_of(operations);
  operands.x = first.x.data();
  with_float_type(first.weight.dtype(), [&]<class W>(W /*type*/) { launch_rows<W>(operands, stream); });
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
