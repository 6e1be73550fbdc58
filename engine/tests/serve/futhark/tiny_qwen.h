/// A small random Qwen3 as a folder and as fuchat's Params, laid out here by plain loops. Used by the tests
/// of this folder.
#pragma once

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/model/model.h"
#include "engine/serve/futhark/params.h"
#include "engine/tests/support/random_model.h"

namespace reprise::engine::futhark {

inline nlohmann::json tiny_config(bool tied = false) {
  return {{"model_type", "qwen3"},
          {"vocab_size", 61},
          {"hidden_size", 20},
          {"intermediate_size", 28},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 6},
          {"num_key_value_heads", 2},
          {"head_dim", 6},
          {"rms_norm_eps", 1e-6},
          {"rope_theta", 1e6},
          {"tie_word_embeddings", tied},
          {"attention_bias", false},
          {"max_position_embeddings", 96}};
}

class TinyQwen {
 public:
  explicit TinyQwen(std::uint64_t seed = 1, DType dtype = DType::f32, bool tied = false) {
    std::string name = (std::filesystem::temp_directory_path() / "reprise-qwen-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    reprise::testing::random_model(tiny_config(tied), seed, dtype).write(folder_);
    model_ = Model::open(folder_.string());
  }
  ~TinyQwen() { std::filesystem::remove_all(folder_); }
  TinyQwen(const TinyQwen&) = delete;
  TinyQwen& operator=(const TinyQwen&) = delete;

  [[nodiscard]] const std::shared_ptr<const Model>& model() const { return model_; }
  [[nodiscard]] const ModelConfig& config() const { return model_->config(); }

  /// The fields of Params in order. `element` is that of matrices.
  [[nodiscard]] std::vector<Value> fields(DType element) const {
    const ModelConfig& c = config();
    const Slot head = c.tied_head ? Slot::token_embedding : Slot::head;
    std::vector<Value> all;
    all.push_back(by_head(Slot::k, c.n_kv_heads, element));
    all.push_back(stacked(Slot::attention_norm, c.d_model));
    all.push_back(turned(Slot::o, c.d_model, c.n_heads * c.head_dim, element));
    all.push_back(by_head(Slot::q, c.n_heads, element));
    all.push_back(by_head(Slot::v, c.n_kv_heads, element));
    all.push_back(turned(Slot::down, c.d_model, c.d_ff, element));
    all.push_back(turned(Slot::gate, c.d_ff, c.d_model, element));
    all.push_back(stacked(Slot::ffn_norm, c.d_model));
    all.push_back(turned(Slot::up, c.d_ff, c.d_model, element));
    all.push_back(stacked(Slot::k_norm, c.head_dim));
    std::vector<float> output;
    for (std::int64_t i = 0; i < c.d_model; ++i) {
      for (std::int64_t o = 0; o < c.n_vocab; ++o) {
        output.push_back(at(head, kNoLayer, o * c.d_model + i));
      }
    }
    all.push_back(array(element, {c.d_model, c.n_vocab}, output));
    std::vector<float> norm;
    for (std::int64_t i = 0; i < c.d_model; ++i) {
      norm.push_back(at(Slot::final_norm, kNoLayer, i));
    }
    all.push_back(array(DType::f32, {c.d_model}, norm));
    all.push_back(stacked(Slot::q_norm, c.head_dim));
    std::vector<float> embedding;
    for (std::int64_t i = 0; i < c.n_vocab * c.d_model; ++i) {
      embedding.push_back(at(Slot::token_embedding, kNoLayer, i));
    }
    all.push_back(array(element, {c.n_vocab, c.d_model}, embedding));
    return all;
  }

  static Array array(DType element, Extents extents, const std::vector<float>& values) {
    SharedBytes bytes = SharedBytes::filled(values.size() * size_of(element), [&](std::span<std::byte> out) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        const F16 half = to_f16(values[i]);
        std::memcpy(out.data() + i * size_of(element),
                    element == DType::f16 ? static_cast<const void*>(&half) : &values[i], size_of(element));
      }
    });
    return {element, std::move(extents), std::move(bytes)};
  }

 private:
  [[nodiscard]] float at(Slot slot, int layer, std::int64_t i) const {
    const AnyTensorView tensor = model_->tensor(slot, layer);
    const std::byte* element = tensor.data() + static_cast<std::size_t>(i) * size_of(tensor.dtype());
    if (tensor.dtype() == DType::f16) {
      F16 value;
      std::memcpy(&value, element, sizeof value);
      return to_f32(value);
    }
    float value;
    std::memcpy(&value, element, sizeof value);
    return value;
  }

  /// [b][n]
  [[nodiscard]] Array stacked(Slot slot, std::int64_t n) const {
    std::vector<float> values;
    for (int layer = 0; layer < config().n_layers; ++layer) {
      for (std::int64_t i = 0; i < n; ++i) {
        values.push_back(at(slot, layer, i));
      }
    }
    return array(DType::f32, {config().n_layers, n}, values);
  }

  /// [b][in][out] of the engine's [out, in].
  [[nodiscard]] Array turned(Slot slot, std::int64_t n_out, std::int64_t n_in, DType element) const {
    std::vector<float> values;
    for (int layer = 0; layer < config().n_layers; ++layer) {
      for (std::int64_t i = 0; i < n_in; ++i) {
        for (std::int64_t o = 0; o < n_out; ++o) {
          values.push_back(at(slot, layer, o * n_in + i));
        }
      }
    }
    return array(element, {config().n_layers, n_in, n_out}, values);
  }

  /// [b][heads][d][dh] of the engine's [heads * dh, d].
  [[nodiscard]] Array by_head(Slot slot, std::int64_t n_heads, DType element) const {
    const ModelConfig& c = config();
    std::vector<float> values;
    for (int layer = 0; layer < c.n_layers; ++layer) {
      for (std::int64_t head = 0; head < n_heads; ++head) {
        for (std::int64_t i = 0; i < c.d_model; ++i) {
          for (std::int64_t j = 0; j < c.head_dim; ++j) {
            values.push_back(at(slot, layer, (head * c.head_dim + j) * c.d_model + i));
          }
        }
      }
    }
    return array(element, {c.n_layers, n_heads, c.d_model, c.head_dim}, values);
  }

  std::filesystem::path folder_;
  std::shared_ptr<const Model> model_;
};

inline bool same(const Value& a, const Value& b) {
  const Array& x = std::get<Array>(a);
  const Array& y = std::get<Array>(b);
  return x.type() == y.type() && x.extents() == y.extents() &&
         std::equal(x.bytes().begin(), x.bytes().end(), y.bytes().begin(), y.bytes().end());
}

}  // namespace reprise::engine::futhark
