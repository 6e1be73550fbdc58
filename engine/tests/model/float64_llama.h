/// The Llama family's forward pass as the papers write it, in double precision, from the tensors of a model
/// folder by their published names: independent of everything the engine does.
#pragma once

#include <cmath>
#include <numbers>

#include "engine/tests/support/random_model.h"

namespace reprise::testing {

class Float64Llama {
 public:
  using Vector = std::vector<double>;

  explicit Float64Llama(const ModelFolder& folder) : folder_(folder) {
    n_heads_ = folder.config["num_attention_heads"].get<std::size_t>();
    n_kv_heads_ = folder.config["num_key_value_heads"].get<std::size_t>();
    head_dim_ = folder.config["head_dim"].get<std::size_t>();
  }

  /// Logits of every position.
  [[nodiscard]] std::vector<Vector> forward(const std::vector<engine::TokenId>& ids) const {
    std::vector<Vector> x;
    const Vector embedding = tensor("model.embed_tokens.weight");
    const auto d_model = folder_.config["hidden_size"].get<std::size_t>();
    for (const engine::TokenId id : ids) {
      const auto row =
          embedding.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(id) * d_model);
      x.emplace_back(row, row + static_cast<std::ptrdiff_t>(d_model));
    }
    for (std::size_t layer = 0; layer < folder_.config["num_hidden_layers"]; ++layer) {
      block("model.layers." + std::to_string(layer) + ".", x);
    }
    const bool tied = folder_.config["tie_word_embeddings"];
    for (Vector& row : x) {
      row = linear(tied ? "model.embed_tokens" : "lm_head", normed(row, "model.norm.weight"));
    }
    return x;
  }

 private:
  [[nodiscard]] Vector tensor(const std::string& name) const {
    const FileTensor& from = folder_.tensors.at(name);
    Vector values;
    for (std::size_t i = 0; i < from.bytes.size() / engine::size_of(from.dtype); ++i) {
      values.push_back(static_cast<double>(from.at(i)));
    }
    return values;
  }

  [[nodiscard]] Vector linear(const std::string& name, const Vector& x) const {
    const Vector weight = tensor(name + ".weight");
    Vector y(weight.size() / x.size());
    for (std::size_t o = 0; o < y.size(); ++o) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        y[o] += weight[o * x.size() + i] * x[i];
      }
    }
    if (folder_.tensors.contains(name + ".bias")) {
      const Vector bias = tensor(name + ".bias");
      for (std::size_t o = 0; o < y.size(); ++o) {
        y[o] += bias[o];
      }
    }
    return y;
  }

  [[nodiscard]] Vector normed(Vector x, const std::string& gain_name) const {
    double squares = 0;
    for (const double v : x) {
      squares += v * v;
    }
    const double eps = folder_.config["rms_norm_eps"];
    const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + eps);
    const Vector gain = tensor(gain_name);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] *= scale * gain[i];
    }
    return x;
  }

  /// As transformers' _compute_llama3_parameters writes it: by wavelengths.
  [[nodiscard]] double frequency(std::size_t pair) const {
    const double theta = folder_.config["rope_theta"];
    const double plain = std::pow(theta, -2.0 * static_cast<double>(pair) / static_cast<double>(head_dim_));
    if (!folder_.config.contains("rope_scaling")) {
      return plain;
    }
    const nlohmann::json& scaling = folder_.config["rope_scaling"];
    const double factor = scaling["factor"];
    const double low = scaling["low_freq_factor"];
    const double high = scaling["high_freq_factor"];
    const double context = scaling["original_max_position_embeddings"];
    const double wavelength = 2 * std::numbers::pi / plain;
    if (wavelength > context / low) {
      return plain / factor;
    }
    if (wavelength < context / high) {
      return plain;
    }
    const double smooth = (context / wavelength - low) / (high - low);
    return (1 - smooth) * plain / factor + smooth * plain;
  }

  /// Norms each head where the architecture does, and rotates the pairs (i, i + head_dim / 2).
  void finish_heads(Vector& heads, const std::string& gain_name, std::size_t position) const {
    for (std::size_t begin = 0; begin < heads.size(); begin += head_dim_) {
      const auto first = heads.begin() + static_cast<std::ptrdiff_t>(begin);
      if (folder_.tensors.contains(gain_name)) {
        const Vector head = normed({first, first + static_cast<std::ptrdiff_t>(head_dim_)}, gain_name);
        std::copy(head.begin(), head.end(), first);
      }
      for (std::size_t i = 0; i < head_dim_ / 2; ++i) {
        const double angle = static_cast<double>(position) * frequency(i);
        double& a = heads[begin + i];
        double& b = heads[begin + i + head_dim_ / 2];
        const double rotated = a * std::cos(angle) - b * std::sin(angle);
        b = b * std::cos(angle) + a * std::sin(angle);
        a = rotated;
      }
    }
  }

  void block(const std::string& name, std::vector<Vector>& x) const {
    std::vector<Vector> keys;
    std::vector<Vector> values;
    for (std::size_t t = 0; t < x.size(); ++t) {
      const Vector in = normed(x[t], name + "input_layernorm.weight");
      Vector query = linear(name + "self_attn.q_proj", in);
      keys.push_back(linear(name + "self_attn.k_proj", in));
      values.push_back(linear(name + "self_attn.v_proj", in));
      finish_heads(query, name + "self_attn.q_norm.weight", t);
      finish_heads(keys.back(), name + "self_attn.k_norm.weight", t);
      add(x[t], linear(name + "self_attn.o_proj", attend(query, keys, values)));
      const Vector ffn_in = normed(x[t], name + "post_attention_layernorm.weight");
      Vector hidden = linear(name + "mlp.gate_proj", ffn_in);
      const Vector up = linear(name + "mlp.up_proj", ffn_in);
      for (std::size_t i = 0; i < hidden.size(); ++i) {
        hidden[i] *= up[i] / (1 + std::exp(-hidden[i]));
      }
      add(x[t], linear(name + "mlp.down_proj", hidden));
    }
  }

  [[nodiscard]] Vector attend(const Vector& query, const std::vector<Vector>& keys,
                              const std::vector<Vector>& values) const {
    Vector out(query.size());
    for (std::size_t h = 0; h < n_heads_; ++h) {
      const std::size_t kv = h / (n_heads_ / n_kv_heads_) * head_dim_;
      Vector weights;
      double total = 0;
      for (const Vector& key : keys) {
        double score = 0;
        for (std::size_t i = 0; i < head_dim_; ++i) {
          score += query[h * head_dim_ + i] * key[kv + i];
        }
        total += weights.emplace_back(std::exp(score / std::sqrt(static_cast<double>(head_dim_))));
      }
      for (std::size_t s = 0; s < values.size(); ++s) {
        for (std::size_t i = 0; i < head_dim_; ++i) {
          out[h * head_dim_ + i] += weights[s] / total * values[s][kv + i];
        }
      }
    }
    return out;
  }

  static void add(Vector& x, const Vector& y) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] += y[i];
    }
  }

  const ModelFolder& folder_;
  std::size_t n_heads_;
  std::size_t n_kv_heads_;
  std::size_t head_dim_;
};

}  // namespace reprise::testing
