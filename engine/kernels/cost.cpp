#include "engine/kernels/cost.h"

#include "engine/core/block_formats.h"

namespace reprise::engine {
namespace {

constexpr std::int64_t kF32 = 4;

std::int64_t bytes(DType dtype, std::int64_t n) {
  return static_cast<std::int64_t>(bytes_of(dtype, n));
}

/// Values of one byte, and a scale for each block.
std::int64_t quantized_bytes(std::int64_t n) {
  return n + n / kBlock * kF32;
}

}  // namespace

Cost cost_of(const Embed& op) {
  const std::int64_t n = op.out.count();
  const std::int64_t positions = op.positions.empty() ? 0 : bytes(op.positions.dtype(), n);
  return {n * kF32 + bytes(op.table.dtype(), n) + positions, op.positions.empty() ? 0 : n};
}

Cost cost_of(const RmsNorm& op) {
  const std::int64_t n = op.x.count();
  const std::int64_t weight = op.weight.empty() ? 0 : op.weight.count();
  return {(2 * n + weight) * kF32, 2 * n + n + (weight != 0 ? n : 0) + 4 * op.x.extent(0)};
}

Cost cost_of(const LayerNorm& op) {
  const std::int64_t n = op.x.count();
  return {(2 * n + 2 * op.weight.count()) * kF32, 7 * n + 5 * op.x.extent(0)};
}

Cost cost_of(const Quantize& op) {
  // Per element: the comparison for the largest magnitude, a product, a rounding; per block: two divisions.
  const std::int64_t n = op.x.count();
  return {n * kF32 + quantized_bytes(n), 3 * n + 2 * (n / kBlock)};
}

Cost cost_of(const Linear& op) {
  const std::int64_t n_out = op.weight.extent(0);
  const std::int64_t outputs = op.out.count();
  const std::int64_t bias = op.bias.empty() ? 0 : n_out;
  const std::int64_t residual = op.residual.empty() ? 0 : outputs;
  const std::int64_t weights = n_out * op.weight.extent(1);
  const std::int64_t n_x = op.x.count();
  const bool blocks = is_block_format(op.weight.dtype());
  const std::int64_t x_bytes = blocks ? quantized_bytes(n_x) : n_x * kF32;
  return {bytes(op.weight.dtype(), weights) + x_bytes + (outputs + bias + residual) * kF32,
          2 * weights * op.x.extent(0) + (bias != 0 ? outputs : 0) + residual,
          blocks ? Arithmetic::int8_dot : Arithmetic::f32};
}

Cost cost_of(const Rope& op) {
  const std::int64_t n = op.x.count();
  return {(2 * n + op.x.extent(0) * op.x.extent(2)) * kF32, 3 * n};
}

Cost cost_of(const StoreKv& op) {
  const std::int64_t n = op.keys.count();
  return {2 * (n * kF32 + bytes(op.key_cache.dtype(), n)), 0};
}

Cost cost_of(const Attention& op) {
  const std::int64_t n_tokens = op.queries.extent(0);
  const std::int64_t n_heads = op.queries.extent(1);
  const std::int64_t head_dim = op.queries.extent(2);
  const std::int64_t last = op.first_position + n_tokens;  // positions read at least once
  // Pairs (token, position it sees): sum over t of first_position + t + 1.
  const std::int64_t pairs = n_tokens * op.first_position + n_tokens * (n_tokens + 1) / 2;
  const std::int64_t cache = 2 * bytes(op.key_cache.dtype(), op.key_cache.extent(0) * last * head_dim);
  // Per pair and head: two dot products' share, scale, subtraction of the maximum, exponential, sum.
  return {cache + 2 * op.queries.count() * kF32,
          n_heads * (pairs * (4 * head_dim + 4) + n_tokens * (head_dim + 1))};
}

Cost cost_of(const SwiGlu& op) {
  return {3 * op.gate.count() * kF32, 5 * op.gate.count()};
}

Cost cost_of(const Gelu& op) {
  return {2 * op.x.count() * kF32, 9 * op.x.count()};
}

Cost cost_of(const Relu& op) {
  return {2 * op.x.count() * kF32, op.x.count()};
}

}  // namespace reprise::engine
