/// The shape and the choices that tell one decoder from another. Qwen3, Qwen2, Llama, GPT-2 and microgpt
/// differ by these values alone: there is one forward pass (decoder.h). Read from a Hugging Face config.json,
/// from the metadata of a GGUF file (gguf_model.h) or the header of a llama2.c checkpoint (llama2c_model.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/dtype.h"
#include "engine/core/token.h"
#include "engine/kernels/operations.h"

namespace reprise::engine {

enum class NormKind : std::uint8_t { rms, layer };
enum class FeedForward : std::uint8_t { swiglu, gelu, relu };

/// Llama 3.1's stretching of rotary frequencies ("rope_type": "llama3").
struct RopeScaling {
  double factor = 1;
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  double original_context = 8192;

  bool operator==(const RopeScaling&) const = default;
};

struct ModelConfig {
  std::string architecture;  ///< "qwen3" | "qwen2" | "llama" | "gpt2" | "microgpt"

  std::int64_t d_model = 0;
  std::int64_t d_ff = 0;
  std::int64_t n_layers = 0;
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t n_vocab = 0;
  std::int64_t n_context = 0;

  NormKind norm = NormKind::rms;
  float norm_eps = 1e-6F;
  bool norm_gain = true;        ///< norms have learned weights
  bool embedding_norm = false;  ///< a norm right after the embedding (microgpt)
  bool final_norm = true;       ///< a norm before the head
  bool qk_norm = false;         ///< per-head norms of queries and keys, before the rotation

  FeedForward feed_forward = FeedForward::swiglu;
  bool qkv_bias = false;
  bool o_bias = false;
  bool ffn_bias = false;
  bool tied_head = false;  ///< the head is the token embedding

  bool learned_positions = false;  ///< an embedding of positions, added to that of tokens
  bool rotary = true;
  RotaryLayout rotary_layout = RotaryLayout::half;
  double rope_theta = 10000;
  std::optional<RopeScaling> rope_scaling;
  std::vector<float>
      rope_factors;  ///< [head_dim / 2]: what a GGUF file divides the frequencies by; empty: nothing

  std::optional<TokenId> bos_id;
  std::vector<TokenId> eos_ids;

  DType stored_dtype = DType::f32;  ///< what "dtype" / "torch_dtype" says; synthetic weights are made in it

  bool operator==(const ModelConfig&) const = default;

  /// Whether both compute the same function of weights and tokens: all but token ids and the stored dtype
  /// agree.
  [[nodiscard]] bool computes_as(const ModelConfig& other) const;
  [[nodiscard]] std::int64_t n_parameters() const;
  /// Bytes of keys and values of one position, all layers.
  [[nodiscard]] std::int64_t kv_bytes_per_position(DType kv_precision) const;
};

/// Reads the text of a config.json; `name` stands for the file in messages.
/// Errors: invalid_data for missing, mistyped or contradictory fields; unsupported for architectures and
/// options that this engine does not compute (named, with what it does).
ModelConfig parse_config(std::string_view json, const std::string& name);

/// The text of a config.json that parse_config reads as `config`. Where Hugging Face has no key, ours is
/// there: "rotary_layout": "interleaved" and "rope_factors" [head_dim / 2].
std::string to_config_json(const ModelConfig& config);

/// config.json of a model folder; end-of-sequence ids of its generation_config.json, if any, take precedence.
ModelConfig read_config(const std::filesystem::path& folder);

}  // namespace reprise::engine
