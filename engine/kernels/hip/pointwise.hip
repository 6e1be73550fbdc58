// Operations on one element, or one block, at a time; and matrices into the order of layout.h.
#include "engine/kernels/hip/launch.h"
#include "engine/kernels/hip/rows.h"
#include "engine/kernels/hip/stores.h"
#include "engine/kernels/scalar_exp.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

constexpr int kThreads = 256;

__device__ std::int64_t thread_in_grid() {
  return static_cast<std::int64_t>(block_x()) * kThreads + thread_in_block();
}

dim3 grid_over(std::int64_t n) {
  return {pieces(n, kThreads)};
}

template <class Table, class Positions>
__global__ void embed_elements(float* out, Table table, const TokenId* tokens, Positions positions,
                               const std::int64_t* first_position, bool with_positions, std::int64_t count) {
  const std::int64_t i = thread_in_grid();
  if (i >= count) {
    return;
  }
  const std::int64_t t = i / table.width;
  const std::int64_t k = i % table.width;
  const float x = table.at(tokens[t], k);
  out[i] = with_positions ? x + positions.at(*first_position + t, k) : x;
}

struct RopeOperands {
  float* x;
  const float* cosine;
  const float* sine;
  std::int64_t n_heads;
  std::int64_t half;
  bool split;  ///< RotaryLayout::half
};

__global__ void rope_pairs(RopeOperands op, const std::int64_t* first_position, std::int64_t count) {
  const std::int64_t i = thread_in_grid();
  if (i >= count) {
    return;
  }
  const std::int64_t pair = i % op.half;
  const std::int64_t head = i / op.half;  // of all tokens' heads
  const std::int64_t angle = (*first_position + head / op.n_heads) * op.half + pair;
  const float cosine = op.cosine[angle];
  const float sine = op.sine[angle];
  float& first = op.x[head * 2 * op.half + (op.split ? pair : 2 * pair)];
  float& second = op.x[head * 2 * op.half + (op.split ? pair + op.half : 2 * pair + 1)];
  const float a = first;
  const float b = second;
  first = __builtin_fmaf(a, cosine, -(b * sine));
  second = __builtin_fmaf(b, cosine, a * sine);
}

/// Keys and values on their way into a cache.
struct StoreOperands {
  std::byte* key_cache;
  std::byte* value_cache;
  const float* keys;
  const float* values;
  std::int64_t n_positions;
  int n_kv_heads;
  int head_dim;
};

constexpr int kStoreThreads = 64;

/// A block a row. Grid: [tokens * heads, keys and values].
template <class Cache>
__global__ void store_rows(StoreOperands op, const std::int64_t* first_position) {
  const std::int64_t row = block_x();
  const std::int64_t at = row % op.n_kv_heads * op.n_positions + *first_position + row / op.n_kv_heads;
  const bool keys = block_y() == 0;
  store_row(reinterpret_cast<Cache*>(keys ? op.key_cache : op.value_cache), at,
            (keys ? op.keys : op.values) + row * op.head_dim, op.head_dim, thread_in_block(), kStoreThreads);
}

struct SiluTimes {
  const float* gate;
  const float* up;
  __device__ float operator()(std::int64_t i) const { return silu(gate[i]) * up[i]; }
};
struct GeluOf {
  const float* x;
  __device__ float operator()(std::int64_t i) const { return gelu_tanh(x[i]); }
};
struct ReluOf {
  const float* x;
  __device__ float operator()(std::int64_t i) const { return positive_part(x[i]); }
};

template <class F>
__global__ void map_elements(float* out, F f, std::int64_t count) {
  const std::int64_t i = thread_in_grid();
  if (i < count) {
    out[i] = f(i);
  }
}

template <class F>
void launch_map(const TensorView<float>& out, const F& f, hipStream_t stream) {
  float* const data = out.data();
  const std::int64_t count = out.count();
  REPRISE_LAUNCH(map_elements<F>, grid_over(count), kThreads, stream, data, f, count);
}

/// Rows of floats in the order of layout.h, with their padding.
template <class W>
__global__ void reorder_elements(W* matrix, const W* rows, std::int64_t width, std::int64_t n_rows) {
  const std::int64_t stride = row_stride<W>(width);
  const std::int64_t i = thread_in_grid();
  const std::int64_t row = i / stride;
  const std::int64_t k = i % stride;
  if (row < n_rows) {
    matrix[row * stride + place_in_row<W>(k)] = k < width ? rows[row * width + k] : W{};
  }
}

template <class Block>
__global__ void reorder_blocks(std::byte* values, F16* scales, const Block* blocks, std::int64_t n_blocks) {
  const std::int64_t i = thread_in_grid();
  if (i >= n_blocks) {
    return;
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(blocks + i) + sizeof(F16);
  for (std::int64_t k = 0; k < kBlockValueBytes<Block>; ++k) {
    values[i * kBlockValueBytes<Block> + k] = bytes[k];
  }
  scales[i] = blocks[i].scale;
}

template <class Block>
void launch_reorder_blocks(std::byte* matrix, std::int64_t n_rows, std::int64_t first_row,
                           const AnyTensorView& rows, hipStream_t stream) {
  const std::int64_t per_row = rows.extent(1) / kBlock;
  std::byte* const values = matrix + first_row * per_row * kBlockValueBytes<Block>;
  F16* const scales = block_scales<Block>(matrix, n_rows * per_row) + first_row * per_row;
  const auto* const blocks = reinterpret_cast<const Block*>(rows.data());
  const std::int64_t n_blocks = rows.extent(0) * per_row;
  REPRISE_LAUNCH(reorder_blocks<Block>, grid_over(n_blocks), kThreads, stream, values, scales, blocks,
                 n_blocks);
}

/// Calls f with the matrix as the type that reads its elements.
template <class F>
void with_matrix(const AnyTensorView& view, F&& f) {
  if (view.dtype() == DType::int8) {
    f(BlockMatrix<Int8Block>(view.data(), view.extent(0), view.extent(1)));
  } else if (view.dtype() == DType::int4) {
    f(BlockMatrix<Int4Block>(view.data(), view.extent(0), view.extent(1)));
  } else {
    with_float_type(view.dtype(), [&]<class W>(W /*type*/) {
      f(FloatMatrix<W>(view.data(), view.extent(0), view.extent(1)));
    });
  }
}

}  // namespace

void embed(const Embed& op, const StepMemory& step, hipStream_t stream) {
  float* const out = op.out.data();
  const std::int64_t count = op.out.count();
  const bool with_positions = !op.positions.empty();
  with_matrix(op.table, [&](auto table) {
    with_matrix(with_positions ? op.positions : op.table, [&](auto positions) {
      REPRISE_LAUNCH((embed_elements<decltype(table), decltype(positions)>), grid_over(count), kThreads,
                     stream, out, table, step.tokens, positions, step.first_position, with_positions, count);
    });
  });
}

void rope(const Rope& op, const StepMemory& step, hipStream_t stream) {
  const std::int64_t count = op.x.count() / 2;
  const RopeOperands operands = {op.x.data(),    op.cosine.data(),    op.sine.data(),
                                 op.x.extent(1), op.cosine.extent(1), op.layout == RotaryLayout::half};
  REPRISE_LAUNCH(rope_pairs, grid_over(count), kThreads, stream, operands, step.first_position, count);
}

void store_kv(const StoreKv& op, const StepMemory& step, hipStream_t stream) {
  const StoreOperands operands = {op.key_cache.data(),
                                  op.value_cache.data(),
                                  op.keys.data(),
                                  op.values.data(),
                                  op.key_cache.extent(1),
                                  static_cast<int>(op.keys.extent(1)),
                                  static_cast<int>(op.keys.extent(2))};
  const dim3 grid(pieces(op.keys.extent(0) * op.keys.extent(1), 1), 2);
  with_cache_type(op.key_cache.dtype(), [&]<class T>(T /*type*/) {
    REPRISE_LAUNCH(store_rows<T>, grid, kStoreThreads, stream, operands, step.first_position);
  });
}

void swiglu(const SwiGlu& op, hipStream_t stream) {
  launch_map(op.out, SiluTimes{op.gate.data(), op.up.data()}, stream);
}

void gelu(const Gelu& op, hipStream_t stream) {
  launch_map(op.out, GeluOf{op.x.data()}, stream);
}

void relu(const Relu& op, hipStream_t stream) {
  launch_map(op.out, ReluOf{op.x.data()}, stream);
}

void reorder(std::byte* matrix, std::int64_t n_rows, std::int64_t first_row, const AnyTensorView& rows,
             hipStream_t stream) {
  if (rows.dtype() == DType::int8) {
    launch_reorder_blocks<Int8Block>(matrix, n_rows, first_row, rows, stream);
  } else if (rows.dtype() == DType::int4) {
    launch_reorder_blocks<Int4Block>(matrix, n_rows, first_row, rows, stream);
  } else {
    with_float_type(rows.dtype(), [&]<class W>(W /*type*/) {
      const std::int64_t width = rows.extent(1);
      const std::int64_t n = rows.extent(0);
      W* const out = reinterpret_cast<W*>(matrix) + first_row * row_stride<W>(width);
      const W* const in = reinterpret_cast<const W*>(rows.data());
      REPRISE_LAUNCH(reorder_elements<W>, grid_over(n * row_stride<W>(width)), kThreads, stream, out, in,
                     width, n);
    });
  }
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
