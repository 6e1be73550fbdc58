/// The closed list of operations a decoder is made of: one struct each, holding the operands, documented here
/// once for every backend. A kernel is a function of one operation and a Slice, the share of the output it
/// computes.
///
/// Used by: the backends (dispatch), kernels/reference (the definition of correct), kernels/cpu, the cost
/// model.
///
/// Numerics, common to all (engine/README.md, "Numerics"): operands are f32 unless stated; narrower weights
/// and cache entries are widened exactly; a *chain sum* is 16 interleaved chains of fused multiply-adds,
/// operands padded with +0 to a multiple of 16, folded 16 > 8 > 4 > 2 > 1. Every output element depends on
/// its own operands alone, never on how outputs are grouped into tiles, slices or chunks.
///
/// Errors: none. A shape mismatch is a caller's bug; check() stops the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "engine/core/tensor_view.h"
#include "engine/core/token.h"

namespace reprise::engine {

/// The part `index` of `count` equal parts of a kernel's output, and memory to compute it in.
struct Slice {
  int index = 0;
  int count = 1;
  std::byte* workspace =
      nullptr;  ///< this slice's own workspace_bytes(), 64-byte aligned; anything may be in it
};

/// out[t, :] = table[tokens[t], :] (+ positions[first_position + t, :], when given).
/// Shapes:   out [n_tokens, d_model]; table [n_vocab, d_model], positions [n_context, d_model] any float or
/// block
///           format that the engine computes with.
/// Numerics: widening is exact; one rounding for the addition.
struct Embed {
  TensorView<float> out;
  AnyTensorView table;
  std::span<const TokenId> tokens;
  AnyTensorView positions;
  std::int64_t first_position = 0;
};

/// Scales each row of `x` to unit root mean square, then multiplies it by `weight`, when given.
///   out[r, i] = x[r, i] * (1 / sqrt(sum_j x[r, j]^2 / d + eps)) * weight[i]
/// Shapes:   out, x [n_rows, d], may be the same memory; weight [d].
/// Numerics: chain sum.
/// Source:   Zhang & Sennrich 2019, arXiv:1910.07467; eps inside the root, as Qwen3 and Llama do.
struct RmsNorm {
  TensorView<float> out;
  TensorView<const float> x;
  TensorView<const float> weight;
  float eps = 0;
};

/// Shifts and scales each row of `x` to zero mean and unit variance, then applies weight and bias.
///   out[r, i] = (x[r, i] - mean) * (1 / sqrt(var + eps)) * weight[i] + bias[i]   (the last step fused)
/// Shapes:   out, x [n_rows, d], may be the same memory; weight, bias [d].
/// Numerics: chain sums for mean and for the variance of the centred values.
/// Source:   Ba, Kiros & Hinton 2016, arXiv:1607.06450.
struct LayerNorm {
  TensorView<float> out;
  TensorView<const float> x;
  TensorView<const float> weight;
  TensorView<const float> bias;
  float eps = 0;
};

/// Rows of activations in blocks of 32 (kBlock) that share a scale: x[r, k] is about scales[r, k / 32] *
/// values[r, k]. Shapes: values [n_rows, d]; scales [n_rows, d / 32].
template <class Value, class Scale>
struct BasicQuantizedRows {
  TensorView<Value> values;
  TensorView<Scale> scales;
};
using QuantizedRows = BasicQuantizedRows<const std::int8_t, const float>;
using MutableQuantizedRows = BasicQuantizedRows<std::int8_t, float>;

/// Puts activations into blocks, for products with weights in blocks.
///   scale = max |x| / 127;  values[k] = x[k] * (127 / max |x|), rounded to nearest, ties to even
/// A block whose magnitudes are all below 2^-100 is zeros; one with a NaN or an infinity has the scale NaN,
/// so that it shows in the logits. Shapes:   x [n_rows, d], d a multiple of 32; out likewise.
struct Quantize {
  MutableQuantizedRows out;
  TensorView<const float> x;
};

/// y = W x (+ bias) (+ residual), for every token.
///   out[t, o] = residual[t, o] + (sum_k weight[o, k] * x[t, k] + bias[o])
/// Shapes:   out, residual [n_tokens, n_out], may be the same memory; x [n_tokens, n_in];
///           weight [n_out, n_in] f32, f16, bf16, int8 or int4; bias [n_out]; x_blocks is x again, by
///           Quantize, when the weight is in blocks (and x itself is then not read).
/// Numerics: chain sum over k; bias, then residual, each one rounding. With a weight in blocks: one chain of
/// fused
///           multiply-adds over blocks in order, sum = fma(dot, weight scale * activation scale, sum), where
///           dot is the exact integer product of the block's values and the scales' product is rounded once.
struct Linear {
  TensorView<float> out;
  TensorView<const float> x;
  AnyTensorView weight;
  TensorView<const float> bias;
  TensorView<const float> residual;
  QuantizedRows x_blocks = {};
};

enum class RotaryLayout : std::uint8_t {
  half,         ///< pairs (i, i + head_dim / 2): Hugging Face's rotate_half
  interleaved,  ///< pairs (2i, 2i + 1): the paper, llama2.c, GGUF's llama
};

/// Rotates pairs of each head by the angle of the token's position, in place.
///   (a, b) -> (a cos - b sin, b cos + a sin), computed as fma(a, cos, -(b sin)), fma(b, cos, a sin)
/// Shapes:   x [n_tokens, n_heads, head_dim]; cosine, sine [n_positions, head_dim / 2], row = position.
/// Source:   Su et al. 2021, arXiv:2104.09864.
struct Rope {
  TensorView<float> x;
  TensorView<const float> cosine;
  TensorView<const float> sine;
  std::int64_t first_position = 0;
  RotaryLayout layout = RotaryLayout::half;
};

/// Writes the keys and values of new tokens into the cache of one layer, rounding to its dtype.
/// Shapes:   key_cache, value_cache [n_kv_heads, n_positions, head_dim] f32, f16, bf16, or int8 where
/// head_dim is a
///           multiple of 32; keys, values [n_tokens, n_kv_heads, head_dim].
/// Numerics: round to nearest, ties to even; int8 by quantize_block (core/block_formats.h), a block that it
/// refuses
///           with the scale NaN. A cache that is off still rounds, so it computes the same bits.
struct StoreKv {
  MutableAnyTensorView key_cache;
  MutableAnyTensorView value_cache;
  TensorView<const float> keys;
  TensorView<const float> values;
  std::int64_t first_position = 0;
};

/// Causal grouped-query attention of new tokens over the cache: token t sees positions 0 .. first_position +
/// t.
///   score[s] = (sum_d query[d] * key[s, d]) * scale;   p[s] = exp(score[s] - max score)
///   out[d]   = (sum_s p[s] * value[s, d]) * (1 / sum_s p[s])
/// Shapes:   out, queries [n_tokens, n_heads, head_dim], n_tokens at least 1; key_cache, value_cache
///           [n_kv_heads, n_positions, head_dim] f32, f16, bf16 or int8.
///           Query head h reads key-value head h / (n_heads / n_kv_heads).
/// Numerics: chain sums for the scores and for the sum of p; the weighted sum of values is one chain of fused
///           multiply-adds in order of position; exp is kernels/exp.h.
/// Source:   Vaswani et al. 2017, arXiv:1706.03762; Ainslie et al. 2023, arXiv:2305.13245 (grouped queries).
struct Attention {
  TensorView<float> out;
  TensorView<const float> queries;
  AnyTensorView key_cache;
  AnyTensorView value_cache;
  std::int64_t first_position = 0;
  float scale = 1;
};

/// out[i] = gate[i] / (1 + exp(-gate[i])) * up[i]
/// Shapes:   out, gate, up [n_tokens, d_ff], may be the same memory.
/// Source:   Shazeer 2020, arXiv:2002.05202 (SwiGLU).
struct SwiGlu {
  TensorView<float> out;
  TensorView<const float> gate;
  TensorView<const float> up;
};

/// The tanh approximation of GELU, in its sigmoid form:
///   out[i] = x / (1 + exp(-2 u)),  u = sqrt(2 / pi) * (x + 0.044715 x^3)
/// Shapes:   out, x [n_tokens, d_ff], may be the same memory.
/// Source:   Hendrycks & Gimpel 2016, arXiv:1606.08415; GPT-2's "gelu_new".
struct Gelu {
  TensorView<float> out;
  TensorView<const float> x;
};

/// out[i] = max(x[i], 0) + 0: never -0, and NaN stays NaN, so that it shows in the logits.
/// Shapes:   out, x [n_tokens, d_ff], may be the same memory.
struct Relu {
  TensorView<float> out;
  TensorView<const float> x;
};

/// An operation of any kind, somebody else's.
using OperationRef =
    std::variant<const Embed*, const RmsNorm*, const LayerNorm*, const Quantize*, const Linear*, const Rope*,
                 const StoreKv*, const Attention*, const SwiGlu*, const Gelu*, const Relu*>;

/// Names of the operations, as profiles print them; in the order of OperationRef.
enum class Kernel : std::uint8_t {
  embed,
  rms_norm,
  layer_norm,
  quantize,
  linear,
  rope,
  store_kv,
  attention,
  swiglu,
  gelu,
  relu,
};
std::string_view name_of(Kernel kernel);
inline Kernel kernel_of(const OperationRef& op) {
  return static_cast<Kernel>(op.index());
}

/// Each stops the program when the operands' shapes and dtypes do not fit together.
void check(const Embed& op);
void check(const RmsNorm& op);
void check(const LayerNorm& op);
void check(const Quantize& op);
void check(const Linear& op);
void check(const Rope& op);
void check(const StoreKv& op);
void check(const Attention& op);
void check(const SwiGlu& op);
void check(const Gelu& op);
void check(const Relu& op);

/// One implementation of every operation: a backend's kernels for one instruction set.
struct KernelTable {
  std::string_view isa;
  void (*embed)(const Embed&, Slice);
  void (*rms_norm)(const RmsNorm&, Slice);
  void (*layer_norm)(const LayerNorm&, Slice);
  void (*quantize)(const Quantize&, Slice);
  void (*linear)(const Linear&, Slice);         ///< weights f32, f16 or bf16
  void (*linear_blocks)(const Linear&, Slice);  ///< weights int8 or int4
  void (*rope)(const Rope&, Slice);
  void (*store_kv)(const StoreKv&, Slice);
  void (*attention)(const Attention&, Slice);
  void (*swiglu)(const SwiGlu&, Slice);
  void (*gelu)(const Gelu&, Slice);
  void (*relu)(const Relu&, Slice);
  std::size_t (*linear_workspace)(const Linear&);
  std::size_t (*linear_blocks_workspace)(const Linear&);
  std::size_t (*attention_workspace)(const Attention&);
  bool (*bf16_dots)(const Linear&) =
      nullptr;  ///< whether `linear` computes it by bf16 dot products; null: never
};

/// The kernel of a table for an operation.
inline auto kernel_of(const KernelTable& table, const Embed& /*op*/) {
  return table.embed;
}
inline auto kernel_of(const KernelTable& table, const RmsNorm& /*op*/) {
  return table.rms_norm;
}
inline auto kernel_of(const KernelTable& table, const LayerNorm& /*op*/) {
  return table.layer_norm;
}
inline auto kernel_of(const KernelTable& table, const Quantize& /*op*/) {
  return table.quantize;
}
inline auto kernel_of(const KernelTable& table, const Linear& op) {
  return is_block_format(op.weight.dtype()) ? table.linear_blocks : table.linear;
}
inline auto kernel_of(const KernelTable& table, const Rope& /*op*/) {
  return table.rope;
}
inline auto kernel_of(const KernelTable& table, const StoreKv& /*op*/) {
  return table.store_kv;
}
inline auto kernel_of(const KernelTable& table, const Attention& /*op*/) {
  return table.attention;
}
inline auto kernel_of(const KernelTable& table, const SwiGlu& /*op*/) {
  return table.swiglu;
}
inline auto kernel_of(const KernelTable& table, const Gelu& /*op*/) {
  return table.gelu;
}
inline auto kernel_of(const KernelTable& table, const Relu& /*op*/) {
  return table.relu;
}

/// Bytes of workspace that each slice of the operation needs, of whatever number of slices.
template <class Op>
std::size_t workspace_bytes(const KernelTable& /*table*/, const Op& /*op*/) {
  return 0;
}
inline std::size_t workspace_bytes(const KernelTable& table, const Linear& op) {
  return is_block_format(op.weight.dtype()) ? table.linear_blocks_workspace(op) : table.linear_workspace(op);
}
inline std::size_t workspace_bytes(const KernelTable& table, const Attention& op) {
  return table.attention_workspace(op);
}

}  // namespace reprise::engine
