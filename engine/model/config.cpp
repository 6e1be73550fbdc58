#include "engine/model/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "engine/io/json_text.h"
#include "engine/io/mapped_file.h"
#include "engine/model/limits.h"
#include "engine/model/tensors.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::json;

Json parse_object(std::string_view text, const std::string& name) {
  Json json = parse_json(text, name);
  if (!json.is_object()) {
    fail(ErrorCode::invalid_data, "{}: expected a JSON object, found something else", name);
  }
  return json;
}

/// Typed access to the fields of one JSON object, with errors that name file and field.
class Fields {
 public:
  Fields(const Json& object, std::string name) : object_(object), name_(std::move(name)) {}

  [[nodiscard]] bool has(const char* key) const { return object_.contains(key) && !object_[key].is_null(); }

  [[nodiscard]] std::int64_t extent(const char* key) const {
    const Json& value = at(key);
    if (!value.is_number_integer() || value < 1 || value > kMaxExtent) {
      fail(ErrorCode::invalid_data, "{}: {}: expected an integer from 1 to {}, found {}", name_, key,
           kMaxExtent, printed(value));
    }
    return value.get<std::int64_t>();
  }
  [[nodiscard]] std::int64_t extent(const char* key, std::int64_t absent) const {
    return has(key) ? extent(key) : absent;
  }
  [[nodiscard]] double positive(const char* key) const {
    const Json& value = at(key);
    if (!value.is_number() || !(value.get<double>() > 0) || value.get<double>() > 1e30) {
      fail(ErrorCode::invalid_data, "{}: {}: expected a positive number, found {}", name_, key,
           printed(value));
    }
    return value.get<double>();
  }
  [[nodiscard]] double positive(const char* key, double absent) const {
    return has(key) ? positive(key) : absent;
  }
  /// Exactly `count` positive numbers that f32 holds.
  [[nodiscard]] std::vector<float> positives(const char* key, std::int64_t count) const {
    const Json& value = at(key);
    std::vector<float> numbers;
    for (const Json& number : value.is_array() ? value : Json::array({value})) {
      const double x = number.is_number() ? number.get<double>() : 0;
      numbers.push_back(x > 0 && x < 1e30 ? static_cast<float>(x) : 0.0F);
    }
    if (std::ssize(numbers) != count || std::ranges::find(numbers, 0.0F) != numbers.end()) {
      fail(ErrorCode::invalid_data, "{}: {}: expected {} positive numbers, found {}", name_, key, count,
           printed(value));
    }
    return numbers;
  }
  [[nodiscard]] bool flag(const char* key, bool absent) const {
    if (!has(key)) {
      return absent;
    }
    if (!object_[key].is_boolean()) {
      fail(ErrorCode::invalid_data, "{}: {}: expected true or false, found {}", name_, key,
           printed(object_[key]));
    }
    return object_[key].get<bool>();
  }
  [[nodiscard]] std::string text(const char* key) const {
    const Json& value = at(key);
    if (!value.is_string()) {
      fail(ErrorCode::invalid_data, "{}: {}: expected a string, found {}", name_, key, printed(value));
    }
    return value.get<std::string>();
  }
  [[nodiscard]] std::string text(const char* key, const char* absent) const {
    return has(key) ? text(key) : absent;
  }

  /// One id or a list of ids, each below n_vocab.
  [[nodiscard]] std::vector<TokenId> ids(const char* key, std::int64_t n_vocab) const {
    std::vector<TokenId> ids;
    if (!has(key)) {
      return ids;
    }
    const Json& value = object_[key];
    for (const Json& id : value.is_array() ? value : Json::array({value})) {
      if (!id.is_number_integer() || id < 0 || id >= n_vocab) {
        fail(ErrorCode::invalid_data, "{}: {}: expected token ids below {}, found {}", name_, key, n_vocab,
             printed(value));
      }
      ids.push_back(id.get<TokenId>());
    }
    return ids;
  }

  void require(bool condition, const char* key, const char* expected,
               ErrorCode code = ErrorCode::unsupported) const {
    if (!condition) {
      fail(code, "{}: {}: expected {}, found {}", name_, key, expected,
           has(key) ? printed(object_[key]) : "nothing");
    }
  }
  [[nodiscard]] Fields object(const char* key) const {
    if (!at(key).is_object()) {
      fail(ErrorCode::invalid_data, "{}: {}: expected an object, found {}", name_, key,
           printed(object_[key]));
    }
    return {object_[key], name_ + ": " + key};
  }

 private:
  [[nodiscard]] const Json& at(const char* key) const {
    if (!has(key)) {
      fail(ErrorCode::invalid_data, "{}: {}: expected a value, found nothing", name_, key);
    }
    return object_[key];
  }
  static std::string printed(const Json& value) {
    const std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
    return text.size() <= 60 ? text : text.substr(0, 57) + "...";
  }

  const Json& object_;
  std::string name_;
};

DType stored_dtype(const Fields& fields) {
  const std::string name = fields.text("dtype", fields.text("torch_dtype", "float32").c_str());
  return name == "bfloat16" ? DType::bf16 : name == "float16" ? DType::f16 : DType::f32;
}

/// Keys of to_config_json: what other formats have and Hugging Face's configurations do not.
void read_foreign_rotary(const Fields& fields, ModelConfig& config) {
  const std::string layout = fields.text("rotary_layout", "half");
  fields.require(layout == "half" || layout == "interleaved", "rotary_layout", "half or interleaved");
  config.rotary_layout = layout == "half" ? RotaryLayout::half : RotaryLayout::interleaved;
  if (fields.has("rope_factors")) {
    config.rope_factors = fields.positives("rope_factors", config.head_dim / 2);
  }
}

void read_rotary(const Fields& fields, ModelConfig& config) {
  read_foreign_rotary(fields, config);
  // transformers 5 moved theta and scaling into "rope_parameters".
  const bool nested = fields.has("rope_parameters");
  const char* scaling_key = nested ? "rope_parameters" : "rope_scaling";
  config.rope_theta = fields.positive("rope_theta", 10000);
  if (nested) {
    config.rope_theta = fields.object("rope_parameters").positive("rope_theta", config.rope_theta);
  }
  if (!fields.has(scaling_key)) {
    return;
  }
  const Fields scaling = fields.object(scaling_key);
  const std::string type = scaling.text("rope_type", scaling.text("type", "default").c_str());
  if (type == "default") {
    return;
  }
  scaling.require(type == "llama3", "rope_type", "default or llama3");
  config.rope_scaling =
      RopeScaling{scaling.positive("factor"), scaling.positive("low_freq_factor"),
                  scaling.positive("high_freq_factor"), scaling.positive("original_max_position_embeddings")};
  scaling.require(config.rope_scaling->high_freq_factor > config.rope_scaling->low_freq_factor,
                  "high_freq_factor", "more than low_freq_factor", ErrorCode::invalid_data);
}

/// Qwen2, Qwen3 and Llama: the same keys.
void read_llama_family(const Fields& fields, ModelConfig& config) {
  config.d_model = fields.extent("hidden_size");
  config.d_ff = fields.extent("intermediate_size");
  config.n_layers = fields.extent("num_hidden_layers");
  config.n_heads = fields.extent("num_attention_heads");
  config.n_kv_heads = fields.extent("num_key_value_heads", config.n_heads);
  config.head_dim = fields.extent("head_dim", config.d_model / config.n_heads);
  config.n_vocab = fields.extent("vocab_size");
  config.n_context = fields.extent("max_position_embeddings");
  config.norm_eps = static_cast<float>(fields.positive("rms_norm_eps"));
  config.tied_head = fields.flag("tie_word_embeddings", false);
  fields.require(fields.text("hidden_act", "silu") == "silu", "hidden_act", "silu");
  fields.require(!fields.flag("use_sliding_window", false), "use_sliding_window", "false");
  fields.require(!fields.flag("mlp_bias", false), "mlp_bias", "false");
  const bool attention_bias = fields.flag("attention_bias", false);
  config.qkv_bias = config.architecture == "qwen2" || attention_bias;
  config.o_bias = config.architecture != "qwen2" && attention_bias;
  config.qk_norm = config.architecture == "qwen3";
  read_rotary(fields, config);
}

void read_gpt2(const Fields& fields, ModelConfig& config) {
  config.d_model = fields.extent("n_embd");
  config.d_ff = fields.extent("n_inner", 4 * config.d_model);
  config.n_layers = fields.extent("n_layer");
  config.n_heads = fields.extent("n_head");
  config.n_kv_heads = config.n_heads;
  config.head_dim = config.d_model / config.n_heads;
  config.n_vocab = fields.extent("vocab_size");
  config.n_context = fields.has("n_positions") ? fields.extent("n_positions") : fields.extent("n_ctx");
  config.norm = NormKind::layer;
  config.norm_eps = static_cast<float>(fields.positive("layer_norm_epsilon", 1e-5));
  config.feed_forward = FeedForward::gelu;
  config.qkv_bias = config.o_bias = config.ffn_bias = true;
  config.tied_head = fields.flag("tie_word_embeddings", true);
  config.learned_positions = true;
  config.rotary = false;
  fields.require(fields.text("activation_function", "gelu_new") == "gelu_new", "activation_function",
                 "gelu_new");
  fields.require(fields.flag("scale_attn_weights", true), "scale_attn_weights", "true");
  fields.require(!fields.flag("scale_attn_by_inverse_layer_idx", false), "scale_attn_by_inverse_layer_idx",
                 "false");
}

void read_microgpt(const Fields& fields, ModelConfig& config) {
  config.d_model = fields.extent("n_embd");
  config.d_ff = 4 * config.d_model;
  config.n_layers = fields.extent("n_layer");
  config.n_heads = fields.extent("n_head");
  config.n_kv_heads = config.n_heads;
  config.head_dim = config.d_model / config.n_heads;
  config.n_vocab = fields.extent("vocab_size");
  config.n_context = fields.extent("block_size");
  config.norm_eps = static_cast<float>(fields.positive("rms_norm_eps", 1e-5));
  config.norm_gain = false;
  config.embedding_norm = true;
  config.final_norm = false;
  config.feed_forward = FeedForward::relu;
  config.learned_positions = true;
  config.rotary = false;
}

void check_consistency(const Fields& fields, const ModelConfig& config, const char* heads_key,
                       const char* layers_key) {
  fields.require(config.n_layers <= kMaxLayers, layers_key, "at most 4096 layers");
  fields.require(config.n_heads % config.n_kv_heads == 0, heads_key,
                 "a multiple of the number of key-value heads", ErrorCode::invalid_data);
  fields.require(config.n_heads / config.n_kv_heads <= 64, heads_key,
                 "at most 64 query heads a key-value head");
  fields.require(config.head_dim >= 1 && (!config.rotary || config.head_dim % 2 == 0), heads_key,
                 "an even number of dimensions a head", ErrorCode::invalid_data);
  if (config.architecture == "gpt2" || config.architecture == "microgpt") {
    fields.require(config.d_model % config.n_heads == 0, heads_key, "a divisor of n_embd",
                   ErrorCode::invalid_data);
  }
}

}  // namespace

std::int64_t ModelConfig::n_parameters() const {
  std::int64_t n = 0;
  for (const TensorSpec& tensor : tensors_of(*this)) {
    n += tensor.shape.count();
  }
  return n;
}

bool ModelConfig::computes_as(const ModelConfig& other) const {
  ModelConfig same = other;
  same.bos_id = bos_id;
  same.eos_ids = eos_ids;
  same.stored_dtype = stored_dtype;
  return *this == same;
}

std::int64_t ModelConfig::kv_bytes_per_position(DType kv_precision) const {
  return 2 * n_layers * n_kv_heads * static_cast<std::int64_t>(bytes_of(kv_precision, head_dim));
}

ModelConfig parse_config(std::string_view text, const std::string& name) {
  const Json json = parse_object(text, name);
  const Fields fields(json, name);
  ModelConfig config;
  config.architecture = fields.text("model_type");
  config.stored_dtype = stored_dtype(fields);
  if (config.architecture == "qwen3" || config.architecture == "qwen2" || config.architecture == "llama") {
    read_llama_family(fields, config);
    check_consistency(fields, config, "num_attention_heads", "num_hidden_layers");
  } else if (config.architecture == "gpt2") {
    read_gpt2(fields, config);
    check_consistency(fields, config, "n_head", "n_layer");
  } else if (config.architecture == "microgpt") {
    read_microgpt(fields, config);
    check_consistency(fields, config, "n_head", "n_layer");
  } else {
    fields.require(false, "model_type", "one of qwen3, qwen2, llama, gpt2, microgpt");
  }
  if (const auto bos = fields.ids("bos_token_id", config.n_vocab); !bos.empty()) {
    config.bos_id = bos.front();
  }
  config.eos_ids = fields.ids("eos_token_id", config.n_vocab);
  return config;
}

ModelConfig read_config(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "config.json";
  ModelConfig config = parse_config(read_text_file(path), path.string());
  const std::filesystem::path generation = folder / "generation_config.json";
  if (std::filesystem::exists(generation)) {
    const Json json = parse_object(read_text_file(generation), generation.string());
    const auto ids = Fields(json, generation.string()).ids("eos_token_id", config.n_vocab);
    if (!ids.empty()) {
      config.eos_ids = ids;
    }
  }
  return config;
}

}  // namespace reprise::engine
