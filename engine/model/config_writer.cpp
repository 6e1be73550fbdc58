#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/model/config.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::ordered_json;

/// The shortest decimal that is this float: 1e-06 rather than 9.999999974752427e-07.
Json shortest(float x) {
  return Json::parse(fmt::format("{}", x));
}

const char* dtype_word(DType dtype) {
  return dtype == DType::bf16 ? "bfloat16" : dtype == DType::f16 ? "float16" : "float32";
}

void write_rotary(const ModelConfig& c, Json& json) {
  json["rope_theta"] = c.rope_theta;
  if (c.rope_scaling) {
    json["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", c.rope_scaling->factor},
                            {"low_freq_factor", c.rope_scaling->low_freq_factor},
                            {"high_freq_factor", c.rope_scaling->high_freq_factor},
                            {"original_max_position_embeddings", c.rope_scaling->original_context}};
  }
  if (c.rotary_layout == RotaryLayout::interleaved) {
    json["rotary_layout"] = "interleaved";
  }
  for (const float factor : c.rope_factors) {
    json["rope_factors"].push_back(shortest(factor));
  }
}

void write_llama_family(const ModelConfig& c, Json& json) {
  json["architectures"] = {c.architecture == "llama"   ? "LlamaForCausalLM"
                           : c.architecture == "qwen2" ? "Qwen2ForCausalLM"
                                                       : "Qwen3ForCausalLM"};
  json["hidden_size"] = c.d_model;
  json["intermediate_size"] = c.d_ff;
  json["num_hidden_layers"] = c.n_layers;
  json["num_attention_heads"] = c.n_heads;
  json["num_key_value_heads"] = c.n_kv_heads;
  json["head_dim"] = c.head_dim;
  json["vocab_size"] = c.n_vocab;
  json["max_position_embeddings"] = c.n_context;
  json["rms_norm_eps"] = shortest(c.norm_eps);
  json["hidden_act"] = "silu";
  json["attention_bias"] = c.o_bias;
  json["tie_word_embeddings"] = c.tied_head;
  write_rotary(c, json);
}

void write_gpt2(const ModelConfig& c, Json& json) {
  json["architectures"] = {"GPT2LMHeadModel"};
  json["n_embd"] = c.d_model;
  json["n_inner"] = c.d_ff;
  json["n_layer"] = c.n_layers;
  json["n_head"] = c.n_heads;
  json["n_positions"] = c.n_context;
  json["vocab_size"] = c.n_vocab;
  json["layer_norm_epsilon"] = shortest(c.norm_eps);
  json["activation_function"] = "gelu_new";
  json["tie_word_embeddings"] = c.tied_head;
}

void write_microgpt(const ModelConfig& c, Json& json) {
  json["n_embd"] = c.d_model;
  json["n_layer"] = c.n_layers;
  json["n_head"] = c.n_heads;
  json["block_size"] = c.n_context;
  json["vocab_size"] = c.n_vocab;
  json["rms_norm_eps"] = shortest(c.norm_eps);
}

}  // namespace

std::string to_config_json(const ModelConfig& config) {
  Json json;
  json["model_type"] = config.architecture;
  if (config.architecture == "gpt2") {
    write_gpt2(config, json);
  } else if (config.architecture == "microgpt") {
    write_microgpt(config, json);
  } else {
    write_llama_family(config, json);
  }
  json["dtype"] = dtype_word(config.stored_dtype);
  if (config.bos_id) {
    json["bos_token_id"] = *config.bos_id;
  }
  if (config.eos_ids.size() == 1) {
    json["eos_token_id"] = config.eos_ids.front();
  } else if (!config.eos_ids.empty()) {
    json["eos_token_id"] = config.eos_ids;
  }
  return json.dump(2) + "\n";
}

}  // namespace reprise::engine
