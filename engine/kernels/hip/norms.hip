// Normalisation of rows, and activations into blocks.
#include "engine/kernels/hip/chains.h"
#include "engine/kernels/hip/launch.h"
#include "engine/kernels/hip/program.h"
#include "engine/kernels/quantize_activations.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

constexpr int kThreads = 256;
/// Elements of a row in shared memory at a time.
constexpr int kStaged = 8192;
static_assert(kStaged >= kMaxFusedRow);

struct Rows {
  float* out;
  const float* x;
  const float* weight;
  const float* bias;
  float eps;
  int d;
};

/// Where a row in blocks goes; nowhere if `values` is null.
struct RowInBlocks {
  std::int8_t* values;
  float* scales;
};

/// The chain sum of product(x[k]), in every thread; the row's last piece stays in `staged`. Every group of
/// lanes computes it, so that none waits for another's.
template <class Product>
__device__ float row_sum(float* staged, const float* x, int d, const Product& product) {
  float chain = 0;
  for (int begin = 0; begin < d; begin += kStaged) {
    const int n = d - begin < kStaged ? d - begin : kStaged;
    wait_for_block();
    for (int k = thread_in_block(); k < n; k += kThreads) {
      staged[k] = x[begin + k];
    }
    wait_for_block();
    for (int k = chain_of_lane(); k < n; k += kRowLanes) {
      const Factors factors = product(staged[k]);
      chain = __builtin_fmaf(factors.a, factors.b, chain);
    }
  }
  return fold_chains(padded_chain(chain, d));
}

/// A block a row. `blocks` is for one row alone, of at most kStaged elements.
__global__ void rms_norm_rows(Rows op, RowInBlocks blocks) {
  __shared__ float staged[kStaged];
  const float* x = op.x + static_cast<std::int64_t>(block_x()) * op.d;
  float* out = op.out + static_cast<std::int64_t>(block_x()) * op.d;
  const float sum = row_sum(staged, x, op.d, [](float element) { return Factors{element, element}; });
  const float scale = 1.0F / square_root(sum / static_cast<float>(op.d) + op.eps);
  wait_for_block();  // out may be x
  for (int i = thread_in_block(); i < op.d; i += kThreads) {
    const float scaled = x[i] * scale;
    const float y = op.weight == nullptr ? scaled : scaled * op.weight[i];
    out[i] = y;
    if (blocks.values != nullptr) {
      staged[i] = y;
    }
  }
  if (blocks.values == nullptr) {
    return;
  }
  wait_for_block();
  for (int block = thread_in_block(); block < op.d / kBlock; block += kThreads) {
    blocks.scales[block] = quantize_activations(blocks.values + block * kBlock, staged + block * kBlock);
  }
}

/// A block a row.
__global__ void layer_norm_rows(Rows op) {
  __shared__ float staged[kStaged];
  const float* x = op.x + static_cast<std::int64_t>(block_x()) * op.d;
  float* out = op.out + static_cast<std::int64_t>(block_x()) * op.d;
  const auto d = static_cast<float>(op.d);
  const float mean = row_sum(staged, x, op.d, [](float element) { return Factors{element, 1.0F}; }) / d;
  const float squares = row_sum(staged, x, op.d, [mean](float element) {
    return Factors{element - mean, element - mean};
  });
  const float scale = 1.0F / square_root(squares / d + op.eps);
  wait_for_block();  // out may be x
  for (int i = thread_in_block(); i < op.d; i += kThreads) {
    out[i] = __builtin_fmaf((x[i] - mean) * scale, op.weight[i], op.bias[i]);
  }
}

/// A thread a block of 32.
__global__ void quantize_blocks(std::int8_t* values, float* scales, const float* x, std::int64_t n_blocks) {
  const std::int64_t block = static_cast<std::int64_t>(block_x()) * kThreads + thread_in_block();
  if (block < n_blocks) {
    scales[block] = quantize_activations(values + block * kBlock, x + block * kBlock);
  }
}

Rows rows_of(const RmsNorm& op) {
  return {op.out.data(), op.x.data(), op.weight.data(), nullptr, op.eps, static_cast<int>(op.x.extent(1))};
}

}  // namespace

void rms_norm(const RmsNorm& op, hipStream_t stream) {
  const Rows rows = rows_of(op);
  const RowInBlocks nowhere = {};
  REPRISE_LAUNCH(rms_norm_rows, dim3(pieces(op.x.extent(0), 1)), kThreads, stream, rows, nowhere);
}

void norm_into_blocks(const RmsNorm& op, const Quantize& quantize, hipStream_t stream) {
  const Rows rows = rows_of(op);
  const RowInBlocks blocks = {quantize.out.values.data(), quantize.out.scales.data()};
  REPRISE_LAUNCH(rms_norm_rows, dim3(1), kThreads, stream, rows, blocks);
}

void layer_norm(const LayerNorm& op, hipStream_t stream) {
  const Rows rows = {op.out.data(),  op.x.data(), op.weight.data(),
                     op.bias.data(), op.eps,      static_cast<int>(op.x.extent(1))};
  REPRISE_LAUNCH(layer_norm_rows, dim3(pieces(op.x.extent(0), 1)), kThreads, stream, rows);
}

void quantize(const Quantize& op, hipStream_t stream) {
  std::int8_t* const values = op.out.values.data();
  float* const scales = op.out.scales.data();
  const float* const x = op.x.data();
  const std::int64_t n_blocks = op.out.scales.count();
  REPRISE_LAUNCH(quantize_blocks, dim3(pieces(n_blocks, kThreads)), kThreads, stream, values, scales, x,
                 n_blocks);
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
