/// The record `Params` of the programs qwen-f32 and qwen-f16: a Qwen3 model's weights as fuchat keeps them,
/// and the engine's model made of them.
///
/// Fields in alphabetical order, which is the order of their values in files. Matrices are [in, out], those
/// of queries, keys and values a head at a time; the engine's are [out, in]. b: layers, d: d_model, f: d_ff,
/// h: heads, kvh: key-value heads, dh: head_dim, v: vocabulary.
///   attn_k, attn_v [b][kvh][d][dh]   attn_q [b][h][d][dh]   attn_output [b][h*dh][d]
///   ffn_gate, ffn_up [b][d][f]       ffn_down [b][f][d]     token_embd [v][d]   output [d][v]
///   attn_norm, ffn_norm [b][d]       k_norm, q_norm [b][dh] output_norm [d]
/// Norm gains are f32 in both programs; matrices are f32 or f16.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/model/weights.h"
#include "engine/serve/futhark/transpose.h"
#include "engine/serve/futhark/value.h"

namespace reprise::engine::futhark {

inline constexpr std::size_t kParamsFields = 14;
/// The longest context of a Params' model; Futhark's programs know none but the cache's.
inline constexpr std::int64_t kMaxContext = std::int64_t{1} << 20;

/// "Params", with matrices of `matrices` (f32 or f16).
std::shared_ptr<const RecordType> params_type(DType matrices);

class Params final : public Record {
 public:
  /// `n_context`: what the model's configuration says. Errors: mismatch, naming the field, where shapes
  /// contradict each other.
  Params(std::shared_ptr<const RecordType> type, std::vector<Value> fields,
         std::int64_t n_context = kMaxContext);
  /// The weights of a model. Errors: unsupported for another architecture than Qwen3's, or one with biases or
  /// stretched positions.
  Params(std::shared_ptr<const RecordType> type, std::shared_ptr<const Model> model);

  /// As the client sent it, or laid out again from the model's tensors.
  [[nodiscard]] Value field(std::size_t index) const override;

  [[nodiscard]] const ModelConfig& config() const { return model_ == nullptr ? config_ : model_->config(); }
  /// The engine's model. Made when first asked for, field by field, so that a client's matrices and the
  /// engine's are not both in memory once the client has freed its variables.
  [[nodiscard]] std::shared_ptr<const Model> model() const;
  /// The first field in which they differ, if any. Lays fields of models out.
  [[nodiscard]] std::optional<std::size_t> first_difference(const Params& other) const;
  /// Placed once, by the first backend that asks; all later ones are of the same kind.
  [[nodiscard]] std::shared_ptr<const Weights> weights(Backend& backend) const;
  /// Whether these are the weights that weights() gave.
  [[nodiscard]] bool is_placed_as(const std::shared_ptr<const Weights>& weights) const {
    return weights == weights_;
  }

 private:
  [[nodiscard]] Extents extents_of(std::size_t index) const;
  [[nodiscard]] MatrixBatch batch_of(std::size_t index) const;
  [[nodiscard]] ArrayType type_of(std::size_t index) const;
  [[nodiscard]] Array laid_out(std::size_t index) const;
  void check_shapes(std::int64_t n_context);
  void build() const;

  // What a const record computes late is not part of its value.
  mutable ModelConfig config_;
  mutable std::array<std::optional<Array>, kParamsFields> fields_;
  mutable std::array<SharedBytes, kParamsFields> engine_bytes_;  // until the model has them
  mutable std::shared_ptr<const Model> model_;
  mutable std::shared_ptr<const Weights> weights_;
};

}  // namespace reprise::engine::futhark
