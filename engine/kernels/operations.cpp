#include "engine/kernels/operations.h"

#include "engine/core/block_formats.h"
#include "engine/core/check.h"

namespace reprise::engine {
namespace {

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

/// Formats that kernels read elements of.
bool is_readable(DType dtype) {
  return is_float(dtype) || dtype == DType::int8 || dtype == DType::int4;
}

bool is_cache_format(const AnyTensorView& cache) {
  return is_float(cache.dtype()) || (cache.dtype() == DType::int8 && cache.extent(2) % kBlock == 0);
}

bool absent_or(const TensorView<const float>& view, const Shape& shape) {
  return view.empty() || view.shape() == shape;
}

}  // namespace

std::string_view name_of(Kernel kernel) {
  switch (kernel) {
    case Kernel::embed:
      return "embed";
    case Kernel::rms_norm:
      return "rms_norm";
    case Kernel::layer_norm:
      return "layer_norm";
    case Kernel::quantize:
      return "quantize";
    case Kernel::linear:
      return "linear";
    case Kernel::rope:
      return "rope";
    case Kernel::store_kv:
      return "store_kv";
    case Kernel::attention:
      return "attention";
    case Kernel::swiglu:
      return "swiglu";
    case Kernel::gelu:
      return "gelu";
    case Kernel::relu:
      return "relu";
  }
  REPRISE_CHECK(false && "kernel outside its enumeration");
}

void check(const Embed& op) {
  const auto n_tokens = static_cast<std::int64_t>(op.tokens.size());
  const std::int64_t d_model = op.out.extent(1);
  REPRISE_CHECK(op.out.shape() == Shape({n_tokens, d_model}));
  REPRISE_CHECK(is_readable(op.table.dtype()) && op.table.shape().rank() == 2 &&
                op.table.extent(1) == d_model);
  for (const TokenId token : op.tokens) {
    REPRISE_CHECK(token >= 0 && token < op.table.extent(0));
  }
  if (!op.positions.empty()) {
    REPRISE_CHECK(is_readable(op.positions.dtype()) && op.positions.extent(1) == d_model);
    REPRISE_CHECK(op.first_position >= 0 && op.first_position + n_tokens <= op.positions.extent(0));
  }
}

void check(const RmsNorm& op) {
  REPRISE_CHECK(op.x.shape().rank() == 2 && op.out.shape() == op.x.shape());
  REPRISE_CHECK(absent_or(op.weight, {op.x.extent(1)}));
}

void check(const LayerNorm& op) {
  REPRISE_CHECK(op.x.shape().rank() == 2 && op.out.shape() == op.x.shape());
  REPRISE_CHECK(op.weight.shape() == Shape({op.x.extent(1)}) && op.bias.shape() == op.weight.shape());
}

void check(const Quantize& op) {
  REPRISE_CHECK(op.x.shape().rank() == 2 && op.x.extent(1) % kBlock == 0);
  REPRISE_CHECK(op.out.values.shape() == op.x.shape());
  REPRISE_CHECK(op.out.scales.shape() == Shape({op.x.extent(0), op.x.extent(1) / kBlock}));
}

void check(const Linear& op) {
  REPRISE_CHECK(op.x.shape().rank() == 2 && op.weight.shape().rank() == 2 && is_readable(op.weight.dtype()));
  if (is_block_format(op.weight.dtype())) {
    REPRISE_CHECK(op.x.extent(1) % kBlock == 0 && op.x_blocks.values.shape() == op.x.shape());
    REPRISE_CHECK(op.x_blocks.scales.shape() == Shape({op.x.extent(0), op.x.extent(1) / kBlock}));
  }
  REPRISE_CHECK(op.weight.extent(1) == op.x.extent(1) && op.x.extent(1) > 0);
  const Shape out = {op.x.extent(0), op.weight.extent(0)};
  REPRISE_CHECK(op.out.shape() == out);
  REPRISE_CHECK(absent_or(op.bias, {op.weight.extent(0)}) && absent_or(op.residual, out));
}

void check(const Rope& op) {
  REPRISE_CHECK(op.x.shape().rank() == 3 && op.x.extent(2) % 2 == 0);
  REPRISE_CHECK(op.cosine.shape().rank() == 2 && op.cosine.extent(1) == op.x.extent(2) / 2);
  REPRISE_CHECK(op.sine.shape() == op.cosine.shape());
  REPRISE_CHECK(op.first_position >= 0 && op.first_position + op.x.extent(0) <= op.cosine.extent(0));
}

void check(const StoreKv& op) {
  REPRISE_CHECK(op.keys.shape().rank() == 3 && op.values.shape() == op.keys.shape());
  REPRISE_CHECK(op.key_cache.shape().rank() == 3 && op.key_cache.shape() == op.value_cache.shape());
  REPRISE_CHECK(is_cache_format(op.key_cache) && op.value_cache.dtype() == op.key_cache.dtype());
  REPRISE_CHECK(op.key_cache.extent(0) == op.keys.extent(1) && op.key_cache.extent(2) == op.keys.extent(2));
  REPRISE_CHECK(op.first_position >= 0 && op.first_position + op.keys.extent(0) <= op.key_cache.extent(1));
}

void check(const Attention& op) {
  REPRISE_CHECK(op.queries.shape().rank() == 3 && op.out.shape() == op.queries.shape());
  REPRISE_CHECK(op.queries.extent(0) > 0);
  REPRISE_CHECK(op.key_cache.shape().rank() == 3 && op.key_cache.shape() == op.value_cache.shape());
  REPRISE_CHECK(is_cache_format(op.key_cache) && op.value_cache.dtype() == op.key_cache.dtype());
  REPRISE_CHECK(op.key_cache.extent(2) == op.queries.extent(2));
  REPRISE_CHECK(op.key_cache.extent(0) > 0 && op.queries.extent(1) % op.key_cache.extent(0) == 0);
  REPRISE_CHECK(op.first_position >= 0 && op.first_position + op.queries.extent(0) <= op.key_cache.extent(1));
}

void check(const SwiGlu& op) {
  REPRISE_CHECK(op.gate.shape() == op.up.shape() && op.out.shape() == op.gate.shape());
}

void check(const Gelu& op) {
  REPRISE_CHECK(op.out.shape() == op.x.shape());
}

void check(const Relu& op) {
  REPRISE_CHECK(op.out.shape() == op.x.shape());
}

}  // namespace reprise::engine
