/// Which tensors a decoder of a given configuration has: the engine's own names (slots), their shapes, and
/// what they are called in a Hugging Face folder. The loader, the synthetic models and the writers of model
/// files share this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/layer.h"
#include "engine/model/config.h"

namespace reprise::engine {

enum class Slot : std::uint8_t {
  token_embedding,     ///< [n_vocab, d_model]
  position_embedding,  ///< [n_context, d_model]
  final_norm,          ///< [d_model], as all *_norm and *_norm_bias of blocks
  final_norm_bias,
  head,  ///< [n_vocab, d_model]
  attention_norm,
  attention_norm_bias,
  q,  ///< [n_heads * head_dim, d_model]
  k,  ///< [n_kv_heads * head_dim, d_model], as v
  v,
  q_bias,  ///< [n_heads * head_dim]
  k_bias,  ///< [n_kv_heads * head_dim], as v_bias
  v_bias,
  q_norm,  ///< [head_dim], as k_norm
  k_norm,
  o,       ///< [d_model, n_heads * head_dim]
  o_bias,  ///< [d_model]
  ffn_norm,
  ffn_norm_bias,
  gate,  ///< [d_ff, d_model], as up
  up,
  up_bias,    ///< [d_ff]
  down,       ///< [d_model, d_ff]
  down_bias,  ///< [d_model]
};
std::string_view name_of(Slot slot);
/// Queries, keys and their biases: their rows stand in the order of the rotary pairs.
bool is_rotated(Slot slot);

struct TensorSpec {
  Slot slot;
  int layer;    ///< kNoLayer for those outside the blocks
  Shape shape;  ///< rank 2: a matrix, stored at the placement's precision; rank 1: a vector, computed with as
                ///< f32
};

/// Every tensor the configuration has, in the order of the forward pass. A tied head is not among them.
std::vector<TensorSpec> tensors_of(const ModelConfig& config);

/// Where a tensor stands in weight files of another convention.
struct StoredTensor {
  std::string name;
  bool transposed = false;         ///< stored [in, out] (GPT-2's Conv1D)
  std::int64_t first_row = 0;      ///< in the engine's orientation: GPT-2 stores q, k and v as one tensor
  std::int64_t n_rows_stored = 0;  ///< rows of the stored tensor in that orientation
};
StoredTensor hugging_face_tensor(const ModelConfig& config, const TensorSpec& tensor);
/// In a GGUF file: no matrix is transposed there, and GPT-2's q, k and v are one tensor too.
/// Source: llama.cpp, gguf-py/gguf/constants.py (MODEL_TENSORS).
StoredTensor gguf_tensor(const ModelConfig& config, const TensorSpec& tensor);

}  // namespace reprise::engine
