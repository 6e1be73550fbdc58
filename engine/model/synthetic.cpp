#include "engine/model/synthetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/core/philox.h"
#include "engine/core/thread_team.h"

namespace reprise::engine {
namespace {

/// Part of every recipe: another generator is another model.
constexpr int kGeneratorVersion = 1;

struct Catalogue {
  const char* name;
  const char* config_json;
};

// The published configurations, as far as the engine reads them; "tiny" ones are for tests and the quick
// start.
constexpr Catalogue kCatalogue[] = {
    {"qwen3-0.6b",
     R"({"model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
 "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
 "max_position_embeddings": 40960, "rms_norm_eps": 1e-06, "rope_theta": 1000000, "tie_word_embeddings": true,
 "dtype": "bfloat16"})"},
    {"llama3.2-1b",
     R"({"model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
 "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 128256,
 "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "rope_theta": 500000, "tie_word_embeddings": true,
 "rope_scaling": {"rope_type": "llama3", "factor": 32, "low_freq_factor": 1, "high_freq_factor": 4,
 "original_max_position_embeddings": 8192}, "dtype": "bfloat16"})"},
    {"gpt2",
     R"({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024,
 "vocab_size": 50257, "layer_norm_epsilon": 1e-05, "activation_function": "gelu_new", "dtype": "float32"})"},
    {"qwen3-tiny",
     R"({"model_type": "qwen3", "hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 4,
 "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 64, "vocab_size": 512,
 "max_position_embeddings": 1024, "rms_norm_eps": 1e-06, "rope_theta": 1000000, "tie_word_embeddings": true,
 "dtype": "float32"})"},
    {"llama-tiny",
     R"({"model_type": "llama", "hidden_size": 96, "intermediate_size": 200, "num_hidden_layers": 3,
 "num_attention_heads": 6, "num_key_value_heads": 3, "vocab_size": 320, "max_position_embeddings": 512,
 "rms_norm_eps": 1e-05, "rope_theta": 500000, "tie_word_embeddings": false, "rope_scaling": {"rope_type": "llama3",
 "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 128},
 "dtype": "bfloat16"})"},
    {"gpt2-tiny",
     R"({"model_type": "gpt2", "n_embd": 72, "n_layer": 2, "n_head": 3, "n_positions": 256, "vocab_size": 300,
 "layer_norm_epsilon": 1e-05, "activation_function": "gelu_new", "dtype": "float32"})"},
    {"microgpt-tiny",
     R"({"model_type": "microgpt", "vocab_size": 300, "n_embd": 36, "n_layer": 2, "n_head": 3, "block_size": 128,
 "rms_norm_eps": 1e-05, "dtype": "float32"})"},
};

/// How a tensor's values are drawn: uniform in [mean - half_width, mean + half_width].
struct Distribution {
  float mean;
  float half_width;
};

Distribution distribution_of(const TensorSpec& tensor) {
  switch (tensor.slot) {
    case Slot::attention_norm:
    case Slot::ffn_norm:
    case Slot::final_norm:
    case Slot::q_norm:
    case Slot::k_norm:
      return {1.0F, 0.25F};
    // Embeddings double as the head where it is tied: logits then spread by about their d_model^(1/2).
    case Slot::token_embedding:
    case Slot::position_embedding:
      return {0.0F, 0.2F};
    default:
      break;
  }
  if (tensor.shape.rank() == 1) {
    return {0.0F, 0.05F};
  }
  return {0.0F, static_cast<float>(std::sqrt(3.0 / static_cast<double>(tensor.shape[1])))};
}

/// Fills elements [begin, end) of a tensor; begin is a multiple of 8, as one Philox block gives 8 x 16 bits.
template <class T>
void fill(T* data, std::int64_t begin, std::int64_t end, Distribution d, PhiloxKey key) {
  const float step = d.half_width / 32768.0F;
  for (std::int64_t i = begin; i < end; i += 8) {
    const auto block = static_cast<std::uint64_t>(i / 8);
    const PhiloxCounter random = philox4x32_10(
        {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), 0, 0}, key);
    for (std::int64_t j = 0; j < 8 && i + j < end; ++j) {
      const auto bits =
          static_cast<std::int32_t>(random[static_cast<std::size_t>(j / 2)] >> (16 * (j % 2)) & 0xffffU);
      // Odd numerators: symmetric around the mean, never exactly it.
      data[i + j] = from_f32<T>(d.mean + (static_cast<float>(2 * bits - 65535) * 0.5F) * step);
    }
  }
}

class SyntheticModel final : public Model {
 public:
  SyntheticModel(const std::string& spec, const std::string& name, const char* config_json)
      : Model(spec, name, parse_config(config_json, spec), config_json) {
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    ThreadTeam team(static_cast<int>(std::min(cores, 64U)));
    std::uint32_t index = 0;
    for (const TensorSpec& tensor : tensors_of(config())) {
      set_tensor(tensor, make(tensor, index++, team));
    }
  }

 protected:
  [[nodiscard]] ModelIdentity compute_identity() const override {
    const std::string recipe = fmt::format("reprise synthetic model, generator {}\n{}\n{}\n",
                                           kGeneratorVersion, name(), config_json());
    return {to_hex(sha256(std::as_bytes(std::span(recipe)))), {}};
  }

 private:
  AnyTensorView make(const TensorSpec& tensor, std::uint32_t index, ThreadTeam& team) {
    const DType dtype = config().stored_dtype;
    const std::int64_t n = tensor.shape.count();
    // Not a vector: its zeros would be written by one thread before the values are.
    auto& memory = memory_.emplace_back(
        std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(n) * size_of(dtype)));
    const Distribution d = distribution_of(tensor);
    const PhiloxKey key = {0x52455052U, index};
    team.run([&](int member) {
      const std::int64_t blocks = (n + 7) / 8;
      const std::int64_t begin = blocks * member / team.size() * 8;
      const std::int64_t end = std::min(blocks * (member + 1) / team.size() * 8, n);
      switch (dtype) {
        case DType::f16:
          fill(reinterpret_cast<F16*>(memory.get()), begin, end, d, key);
          break;
        case DType::bf16:
          fill(reinterpret_cast<Bf16*>(memory.get()), begin, end, d, key);
          break;
        default:
          fill(reinterpret_cast<float*>(memory.get()), begin, end, d, key);
          break;
      }
    });
    return {dtype, memory.get(), tensor.shape};
  }

  std::vector<std::unique_ptr<std::byte[]>> memory_;
};

}  // namespace

std::vector<std::string> synthetic_names() {
  std::vector<std::string> names;
  for (const Catalogue& entry : kCatalogue) {
    names.emplace_back(entry.name);
  }
  return names;
}

const char* synthetic_config(std::string_view name) {
  for (const Catalogue& entry : kCatalogue) {
    if (name == entry.name) {
      return entry.config_json;
    }
  }
  return nullptr;
}

std::shared_ptr<const Model> open_synthetic(const std::string& spec, const std::string& name) {
  const char* config_json = synthetic_config(name);
  if (config_json == nullptr) {
    fail(ErrorCode::not_found, "{}: model: expected synthetic:NAME with NAME one of {}, found {}", spec,
         fmt::join(synthetic_names(), ", "), name);
  }
  return std::make_shared<SyntheticModel>(spec, name, config_json);
}

}  // namespace reprise::engine
