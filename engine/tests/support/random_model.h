/// Small random models as Hugging Face folders: a seed gives the config.json and the weights. What a test
/// wants broken it changes before write(). Used by the tests of engine/model, engine/generate and above.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/token.h"
#include "engine/io/safetensors.h"
#include "engine/model/config.h"
#include "engine/model/tensors.h"

namespace reprise::testing {

/// Equal numbers on every standard library: its engines are specified, its distributions are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// From low to high, both included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool coin() { return between(0, 1) == 1; }
  /// In [0, 1).
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  float uniform(float low, float high) { return low + static_cast<float>(uniform()) * (high - low); }
  template <class Container>
  const auto& pick(const Container& from) {
    return from[static_cast<std::size_t>(between(0, std::ssize(from) - 1))];
  }
  std::vector<engine::TokenId> ids(std::int64_t n, std::int64_t n_vocab) {
    std::vector<engine::TokenId> ids;
    for (std::int64_t i = 0; i < n; ++i) {
      ids.push_back(static_cast<engine::TokenId>(between(0, n_vocab - 1)));
    }
    return ids;
  }

 private:
  std::mt19937_64 engine_;
};

/// A tensor as a safetensors file has it.
struct FileTensor {
  engine::DType dtype = engine::DType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;

  [[nodiscard]] float at(std::size_t i) const {
    switch (dtype) {
      case engine::DType::f16:
        return engine::to_f32(load<engine::F16>(i));
      case engine::DType::bf16:
        return engine::to_f32(load<engine::Bf16>(i));
      default:
        return load<float>(i);
    }
  }
  void set(std::size_t i, float value) {
    switch (dtype) {
      case engine::DType::f16:
        store(i, engine::to_f16(value));
        break;
      case engine::DType::bf16:
        store(i, engine::to_bf16(value));
        break;
      default:
        store(i, value);
        break;
    }
  }

 private:
  template <class T>
  [[nodiscard]] T load(std::size_t i) const {
    T element;
    std::memcpy(&element, bytes.data() + i * sizeof(T), sizeof(T));
    return element;
  }
  template <class T>
  void store(std::size_t i, T element) {
    std::memcpy(bytes.data() + i * sizeof(T), &element, sizeof(T));
  }
};

/// The content of a model folder.
struct ModelFolder {
  nlohmann::json config;
  std::map<std::string, FileTensor> tensors;

  void write(const std::filesystem::path& folder) const {
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "config.json") << config.dump(1) << "\n";
    engine::SafetensorsWriter writer;
    for (const auto& [name, tensor] : tensors) {
      writer.add(name, tensor.dtype, tensor.shape, tensor.bytes);
    }
    writer.write(folder / "model.safetensors");
  }
};

inline constexpr std::string_view kArchitectures[] = {"qwen3", "qwen2", "llama", "gpt2", "microgpt"};

/// A shape that hides no assumption: extents that divide nothing, grouped heads, short contexts. `wide` ones
/// are large enough for their kernels to be shared among threads.
inline nlohmann::json random_config(std::string_view architecture, bool wide, Random& random) {
  const std::int64_t n_kv_heads = random.between(1, 3);
  const std::int64_t n_heads = n_kv_heads * random.between(1, 3);
  const std::int64_t head_dim = wide ? 2 * random.between(14, 24) : 2 * random.between(1, 20);
  nlohmann::json config = {{"model_type", architecture},
                           {"vocab_size", wide ? random.between(200, 300) : random.between(17, 90)}};
  if (architecture == "gpt2" || architecture == "microgpt") {
    const std::int64_t odd = random.between(0, 1);  // without rotation a head may have any width
    const std::int64_t n_equal_heads = n_kv_heads + (wide ? 1 : 0);
    config["n_embd"] = n_equal_heads * (head_dim + odd);
    config["n_head"] = n_equal_heads;
    config["n_layer"] = random.between(1, 2);
    config[architecture == "gpt2" ? "n_positions" : "block_size"] = random.between(40, 70);
    return config;
  }
  config["hidden_size"] = wide ? random.between(100, 160) : random.between(5, 50);
  config["intermediate_size"] = wide ? random.between(150, 220) : random.between(3, 70);
  config["num_hidden_layers"] = random.between(1, wide ? 2 : 3);
  config["num_attention_heads"] = n_heads;
  config["num_key_value_heads"] = n_kv_heads;
  config["head_dim"] = head_dim;
  config["max_position_embeddings"] = random.between(40, 70);
  config["rms_norm_eps"] = 1e-6;
  config["rope_theta"] = random.coin() ? 10000.0 : 1e6;
  config["tie_word_embeddings"] = random.coin();
  config["attention_bias"] = architecture != "qwen2" && random.coin();
  if (architecture == "llama" && random.coin()) {
    config["rope_scaling"] = {{"rope_type", "llama3"},
                              {"factor", 8.0},
                              {"low_freq_factor", 1.0},
                              {"high_freq_factor", 4.0},
                              {"original_max_position_embeddings", 24}};
  }
  return config;
}

/// The same with every row a whole number of blocks, for int8 and int4.
inline nlohmann::json random_block_config(std::string_view architecture, Random& random) {
  nlohmann::json config = random_config(architecture, false, random);
  if (architecture == "gpt2" || architecture == "microgpt") {
    config["n_embd"] = config["n_head"].get<std::int64_t>() * 32;
    return config;
  }
  config["head_dim"] = 32 * random.between(1, 2);
  config["hidden_size"] = 32 * random.between(1, 3);
  config["intermediate_size"] = 32 * random.between(1, 5);
  return config;
}

namespace detail {

/// Gains around 1; matrices that keep activations at unit scale; biases and embeddings of about 1.
inline float random_weight(const engine::TensorSpec& spec, Random& random) {
  const std::string_view slot = name_of(spec.slot);
  if (slot.ends_with("_norm")) {
    return random.uniform(0.5F, 1.5F);
  }
  if (spec.shape.rank() == 1 || slot.ends_with("embedding")) {
    return random.uniform(-0.8F, 0.8F);
  }
  const float width = std::sqrt(3.0F / static_cast<float>(spec.shape[1]));
  return random.uniform(-width, width);
}

}  // namespace detail

/// Weights of `dtype` for a configuration that the engine can read.
inline ModelFolder random_model(const nlohmann::json& config_json, std::uint64_t seed,
                                engine::DType dtype = engine::DType::f32) {
  const engine::ModelConfig config = engine::parse_config(config_json.dump(), "random model");
  Random random(seed);
  ModelFolder folder{config_json, {}};
  for (const engine::TensorSpec& spec : engine::tensors_of(config)) {
    const engine::StoredTensor stored = engine::hugging_face_tensor(config, spec);
    const bool matrix = spec.shape.rank() == 2;
    const std::int64_t n_in = matrix ? spec.shape[1] : 1;
    FileTensor& tensor = folder.tensors[stored.name];
    if (tensor.shape.empty()) {
      tensor.dtype = dtype;
      tensor.shape.push_back(stored.n_rows_stored);
      if (matrix) {
        tensor.shape.push_back(n_in);
      }
      if (stored.transposed) {
        std::reverse(tensor.shape.begin(), tensor.shape.end());
      }
      tensor.bytes.resize(static_cast<std::size_t>(stored.n_rows_stored * n_in) * engine::size_of(dtype));
    }
    for (std::int64_t o = 0; o < spec.shape[0]; ++o) {
      for (std::int64_t i = 0; i < n_in; ++i) {
        const std::int64_t row = stored.first_row + o;
        const std::int64_t at = stored.transposed ? i * stored.n_rows_stored + row : row * n_in + i;
        tensor.set(static_cast<std::size_t>(at), detail::random_weight(spec, random));
      }
    }
  }
  return folder;
}

}  // namespace reprise::testing
