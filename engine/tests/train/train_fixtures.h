/// Small configurations and parameters for the tests of engine/train.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/model/config.h"
#include "engine/tests/support/random_model.h"
#include "engine/train/parameters.h"

namespace reprise::testing {

/// Karpathy's microgpt as it is: 26 letters and a beginning-of-text token.
inline engine::ModelConfig microgpt_config() {
  return engine::parse_config(
      R"({"model_type": "microgpt", "vocab_size": 27, "n_embd": 16, "n_layer": 1, "n_head": 4, "block_size": 16})",
      "microgpt");
}

/// Two blocks of Qwen3: norms of heads, grouped queries, a tied head, rotary positions.
inline engine::ModelConfig tiny_qwen3() {
  return engine::parse_config(
      R"({"model_type": "qwen3", "vocab_size": 11, "hidden_size": 10, "intermediate_size": 14,
          "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6,
          "max_position_embeddings": 16, "rms_norm_eps": 1e-6, "tie_word_embeddings": true})",
      "qwen3");
}

/// Llama with biases, three query heads a key-value head, stretched frequencies and a head of its own.
inline engine::ModelConfig tiny_llama() {
  return engine::parse_config(
      R"({"model_type": "llama", "vocab_size": 11, "hidden_size": 12, "intermediate_size": 9,
          "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 4,
          "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "attention_bias": true,
          "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
                           "original_max_position_embeddings": 24}})",
      "llama");
}

inline engine::ModelConfig tiny_qwen2() {
  return engine::parse_config(
      R"({"model_type": "qwen2", "vocab_size": 9, "hidden_size": 8, "intermediate_size": 12,
          "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
          "max_position_embeddings": 16, "rms_norm_eps": 1e-6})",
      "qwen2");
}

/// LayerNorm, biases everywhere, learned positions, GELU, a tied head.
inline engine::ModelConfig tiny_gpt2() {
  return engine::parse_config(
      R"({"model_type": "gpt2", "vocab_size": 11, "n_embd": 12, "n_layer": 2, "n_head": 3, "n_positions": 10})",
      "gpt2");
}

/// Parameters of no special value: gains around 1, biases and embeddings that matter.
template <class T>
engine::Parameters<T> random_parameters(const engine::ModelConfig& config, std::uint64_t seed) {
  engine::Parameters<T> parameters(config);
  Random random(seed);
  for (const engine::TensorSpec& tensor : parameters.tensors()) {
    const engine::TensorView<T> view = parameters.tensor(tensor.slot, tensor.layer);
    for (std::int64_t i = 0; i < view.count(); ++i) {
      view.data()[i] = static_cast<T>(detail::random_weight(tensor, random));
    }
  }
  return parameters;
}

}  // namespace reprise::testing
