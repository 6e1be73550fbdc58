/// A model's tensors where a backend can read them, at a placement's precision. The struct is the
/// architecture: one field for each term of the forward pass (decoder.h). Views of absent tensors are empty.
#pragma once

#include <memory>
#include <vector>

#include "engine/backends/backend.h"
#include "engine/model/model.h"

namespace reprise::engine {

struct LayerWeights {
  TensorView<const float> attention_norm;       // [d_model]
  TensorView<const float> attention_norm_bias;  // [d_model]
  AnyTensorView q;                              // [n_heads * head_dim, d_model]
  AnyTensorView k;                              // [n_kv_heads * head_dim, d_model]
  AnyTensorView v;                              // [n_kv_heads * head_dim, d_model]
  TensorView<const float> q_bias;               // [n_heads * head_dim]
  TensorView<const float> k_bias;               // [n_kv_heads * head_dim]
  TensorView<const float> v_bias;               // [n_kv_heads * head_dim]
  TensorView<const float> q_norm;               // [head_dim]
  TensorView<const float> k_norm;               // [head_dim]
  AnyTensorView o;                              // [d_model, n_heads * head_dim]
  TensorView<const float> o_bias;               // [d_model]
  TensorView<const float> ffn_norm;             // [d_model]
  TensorView<const float> ffn_norm_bias;        // [d_model]
  AnyTensorView gate;                           // [d_ff, d_model]
  AnyTensorView up;                             // [d_ff, d_model]
  TensorView<const float> up_bias;              // [d_ff]
  AnyTensorView down;                           // [d_model, d_ff]
  TensorView<const float> down_bias;            // [d_model]
};

struct Weights {
  AnyTensorView token_embedding;            // [n_vocab, d_model]
  AnyTensorView position_embedding;         // [n_context, d_model]
  std::vector<LayerWeights> layers;         // [n_layers]
  TensorView<const float> final_norm;       // [d_model]
  TensorView<const float> final_norm_bias;  // [d_model]
  AnyTensorView head;                       // [n_vocab, d_model]; the token embedding where tied

  std::int64_t bytes = 0;         ///< of all tensors as placed, a tied head once
  std::int64_t copied_bytes = 0;  ///< of those that had to change: their dtype, or their place in memory
  bool in_blocks = false;         ///< some matrix is: its products read activations in blocks
  std::string precision;          ///< of the matrices: "f32", ..., or "f16+int4" for a native mixture
  std::string stored_precision;   ///< as the model stores them: one name, or several as "q4_k+q6_k"

  std::shared_ptr<const Model> model;             ///< keeps the mapped files open
  std::vector<std::vector<std::byte>> converted;  ///< tensors that had to change their dtype or alignment
  std::vector<Buffer> copies;                     ///< tensors in a backend's own memory
};

/// Matrices at `precision` ("native": as stored, but int8 for block formats that are only read), rounded to
/// nearest even where that narrows them, quantised by quantize() of core/block_formats.h for int8 and int4;
/// vectors as f32, widened exactly from what is stored. A tensor already in the wanted form is not copied.
/// Errors: invalid_data for a vector with a NaN or an infinity, or a matrix with an element that int8 or int4
/// cannot hold, naming tensor and index; invalid_argument where int8 or int4 is asked for and a matrix has
/// rows that are no multiple of 32.
Weights place_weights(std::shared_ptr<const Model> model, Backend& backend, const std::string& precision);

/// The first tensor with a NaN or an infinity as "slot (layer N): [index] is nan", or empty. Reads every
/// weight: for explaining logits that are not finite.
std::string describe_non_finite(const Model& model);

}  // namespace reprise::engine
