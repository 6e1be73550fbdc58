#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/model/gguf_model.h"
#include "engine/model/limits.h"
#include "engine/model/rotary.h"

namespace reprise::engine {
namespace {

/// Keys of one architecture: "llama.context_length", ...
class Keys {
 public:
  explicit Keys(const GgufFile& file) : file_(file), architecture_(file.text("general.architecture")) {}

  [[nodiscard]] const std::string& architecture() const { return architecture_; }
  [[nodiscard]] std::string key(std::string_view name) const {
    return fmt::format("{}.{}", architecture_, name);
  }
  [[nodiscard]] bool has(std::string_view name) const { return file_.has(key(name)); }

  [[nodiscard]] std::int64_t extent(std::string_view name) const {
    const std::int64_t value = file_.integer(key(name));
    require(value >= 1 && value <= kMaxExtent, key(name), fmt::format("1 to {}", kMaxExtent), value);
    return value;
  }
  [[nodiscard]] std::int64_t extent(std::string_view name, std::int64_t absent) const {
    return has(name) ? extent(name) : absent;
  }
  [[nodiscard]] double positive(std::string_view name) const {
    const double value = file_.number(key(name));
    require(value > 0 && value < 1e30, key(name), "a positive number", value);
    return value;
  }
  [[nodiscard]] double positive(std::string_view name, double absent) const {
    return has(name) ? positive(name) : absent;
  }

  template <class Found>
  void require(bool holds, std::string_view key, std::string_view expected, const Found& found,
               ErrorCode code = ErrorCode::invalid_data) const {
    if (!holds) {
      fail(code, "{}: {}: expected {}, found {}", file_.path().string(), key, expected, found);
    }
  }

 private:
  const GgufFile& file_;
  std::string architecture_;
};

void refuse_what_is_not_computed(const Keys& keys, const GgufFile& file) {
  constexpr ErrorCode kCode = ErrorCode::unsupported;
  const std::int64_t experts = file.integer(keys.key("expert_count"), 0);
  keys.require(experts == 0, keys.key("expert_count"), "0: mixtures of experts are not computed", experts,
               kCode);
  const std::int64_t window = file.integer(keys.key("attention.sliding_window"), 0);
  keys.require(window == 0, keys.key("attention.sliding_window"), "0", window, kCode);
  // Absent means linear, and older files name the factor otherwise.
  const std::string_view scaling = file.text(keys.key("rope.scaling.type"), "linear");
  keys.require(scaling == "none" || scaling == "linear", keys.key("rope.scaling.type"), "none or linear",
               printable(scaling), kCode);
  for (const char* key : {"rope.scaling.factor", "rope.scale_linear"}) {
    const double factor = file.number(keys.key(key), 1);
    keys.require(scaling == "none" || factor == 0 || factor == 1, keys.key(key),
                 "1: scaled positions are not computed", factor, kCode);
  }
}

/// Llama 3's published choices but for the factor, which a file's largest factor is.
RopeScaling usual_scaling(double factor) {
  return {factor, 1, 4, 8192};
}

/// Puts the factors of rope_freqs.weight into the configuration, as scaling where they are that.
void read_rope_factors(const GgufFile& file, ModelConfig& config) {
  const GgufTensor* tensor = file.find("rope_freqs.weight");
  if (tensor == nullptr) {
    return;
  }
  if (tensor->dtype != DType::f32 || tensor->shape != std::vector<std::int64_t>{config.head_dim / 2}) {
    fail(ErrorCode::invalid_data, "{}: rope_freqs.weight: expected f32 [{}], found {} [{}]",
         file.path().string(), config.head_dim / 2, name_of(tensor->dtype), fmt::join(tensor->shape, ", "));
  }
  std::vector<float> factors(static_cast<std::size_t>(config.head_dim / 2));
  std::memcpy(factors.data(), tensor->data.data(), tensor->data.size());
  for (const float factor : factors) {
    if (!(factor > 0) || !std::isfinite(factor)) {
      fail(ErrorCode::invalid_data, "{}: rope_freqs.weight: expected positive factors, found {}",
           file.path().string(), factor);
    }
  }
  ModelConfig scaled = config;
  scaled.rope_scaling = usual_scaling(static_cast<double>(*std::ranges::max_element(factors)));
  const bool usual = std::ranges::equal(rope_factors_of(scaled), factors,
                                        [](float a, float b) { return std::abs(a - b) <= 1e-5F * b; });
  if (usual) {
    config.rope_scaling = scaled.rope_scaling;
  } else {
    config.rope_factors = std::move(factors);
  }
}

void read_llama_family(const Keys& keys, const GgufFile& file, ModelConfig& config) {
  config.n_kv_heads = keys.extent("attention.head_count_kv", config.n_heads);
  config.head_dim = keys.extent("attention.key_length", config.d_model / config.n_heads);
  keys.require(config.head_dim >= 1, keys.key("attention.head_count"),
               fmt::format("at most the width {}", config.d_model), config.n_heads);
  const std::int64_t value_length = keys.extent("attention.value_length", config.head_dim);
  keys.require(value_length == config.head_dim, keys.key("attention.value_length"),
               fmt::format("{} as the keys", config.head_dim), value_length, ErrorCode::unsupported);
  const std::int64_t rotated = keys.extent("rope.dimension_count", config.head_dim);
  keys.require(rotated == config.head_dim, keys.key("rope.dimension_count"),
               fmt::format("{}: the whole head", config.head_dim), rotated, ErrorCode::unsupported);
  keys.require(config.head_dim % 2 == 0, keys.key("attention.key_length"), "an even number", config.head_dim);
  config.norm_eps = static_cast<float>(keys.positive("attention.layer_norm_rms_epsilon"));
  config.rope_theta = keys.positive("rope.freq_base", 10000);
  config.qkv_bias = file.find("blk.0.attn_q.bias") != nullptr;
  config.o_bias = file.find("blk.0.attn_output.bias") != nullptr;
  config.qk_norm = config.architecture == "qwen3";
  config.rotary_layout = config.architecture == "llama" ? RotaryLayout::interleaved : RotaryLayout::half;
  read_rope_factors(file, config);
}

void read_gpt2(const Keys& keys, ModelConfig& config) {
  config.n_kv_heads = config.n_heads;
  config.head_dim = config.d_model / config.n_heads;
  config.norm = NormKind::layer;
  config.norm_eps = static_cast<float>(keys.positive("attention.layer_norm_epsilon"));
  config.feed_forward = FeedForward::gelu;
  config.qkv_bias = config.o_bias = config.ffn_bias = true;
  config.learned_positions = true;
  config.rotary = false;
  keys.require(config.d_model % config.n_heads == 0, keys.key("attention.head_count"),
               fmt::format("a divisor of {}", config.d_model), config.n_heads);
}

/// The text of the embedding's rows: as many as there are logits.
std::int64_t vocabulary_size(const GgufFile& file) {
  const GgufTensor& embedding = file.at("token_embd.weight");
  if (embedding.shape.size() != 2 || embedding.shape[0] > kMaxExtent) {
    fail(ErrorCode::invalid_data, "{}: token_embd.weight: shape: expected [n_vocab, d_model], found [{}]",
         file.path().string(), fmt::join(embedding.shape, ", "));
  }
  return embedding.shape[0];
}

/// End tokens: of a text, of a turn, of a message to a tool; that of a turn is known by its text where no key
/// says it.
void read_token_ids(const GgufFile& file, ModelConfig& config) {
  const auto checked = [&](std::string_view key, std::int64_t id) {
    if (id < 0 || id >= config.n_vocab) {
      fail(ErrorCode::invalid_data, "{}: {}: expected a token id below {}, found {}", file.path().string(),
           key, config.n_vocab, id);
    }
    return static_cast<TokenId>(id);
  };
  const auto add_end = [&](TokenId id) {
    if (std::ranges::find(config.eos_ids, id) == config.eos_ids.end()) {
      config.eos_ids.push_back(id);
    }
  };
  if (constexpr auto kBos = "tokenizer.ggml.bos_token_id"; file.has(kBos)) {
    config.bos_id = checked(kBos, file.integer(kBos));
  }
  for (const char* key :
       {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    if (file.has(key)) {
      add_end(checked(key, file.integer(key)));
    }
  }
  if (file.has("tokenizer.ggml.tokens") && !config.eos_ids.empty()) {
    if (const auto eot = read_tokenizer_facts(file).eot; eot) {
      add_end(checked("tokenizer.ggml.tokens", *eot));
    }
  }
}

}  // namespace

std::vector<float> rope_factors_of(const ModelConfig& config) {
  if (!config.rope_scaling) {
    return config.rope_factors;
  }
  ModelConfig plain = config;
  plain.rope_scaling.reset();
  const std::vector<double> stretched = rotary_frequencies(config);
  const std::vector<double> frequencies = rotary_frequencies(plain);
  std::vector<float> factors;
  for (std::size_t i = 0; i < stretched.size(); ++i) {
    factors.push_back(static_cast<float>(frequencies[i] / stretched[i]));
  }
  return factors;
}

ModelConfig gguf_config(const GgufFile& file) {
  const Keys keys(file);
  ModelConfig config;
  config.architecture = keys.architecture();
  const bool is_gpt2 = config.architecture == "gpt2";
  keys.require(is_gpt2 || config.architecture == "llama" || config.architecture == "qwen2" ||
                   config.architecture == "qwen3",
               "general.architecture", "one of qwen3, qwen2, llama, gpt2", printable(config.architecture),
               ErrorCode::unsupported);
  refuse_what_is_not_computed(keys, file);
  config.d_model = keys.extent("embedding_length");
  config.d_ff = keys.extent("feed_forward_length");
  config.n_layers = keys.extent("block_count");
  config.n_heads = keys.extent("attention.head_count");
  config.n_context = keys.extent("context_length");
  config.n_vocab = vocabulary_size(file);
  config.tied_head = file.find("output.weight") == nullptr;
  if (is_gpt2) {
    read_gpt2(keys, config);
  } else {
    read_llama_family(keys, file, config);
  }
  keys.require(config.n_layers <= kMaxLayers, keys.key("block_count"), fmt::format("at most {}", kMaxLayers),
               config.n_layers, ErrorCode::unsupported);
  keys.require(config.n_heads % config.n_kv_heads == 0 && config.n_heads / config.n_kv_heads <= 64,
               keys.key("attention.head_count"),
               fmt::format("1 to 64 times the {} key-value heads", config.n_kv_heads), config.n_heads);
  keys.require(config.head_dim >= 1, keys.key("attention.head_count"),
               fmt::format("at most the width {}", config.d_model), config.n_heads);
  read_token_ids(file, config);
  const DType stored = file.at("token_embd.weight").dtype;
  config.stored_dtype = stored == DType::f16 || stored == DType::bf16 ? stored : DType::f32;
  return config;
}

}  // namespace reprise::engine
