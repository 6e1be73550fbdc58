/// The decoder's forward pass: one for every architecture, written as the papers write it. What differs
/// between Qwen3, Llama, GPT-2 and microgpt is in ModelConfig.
///
/// A decoder owns its activations and rotary tables on one backend; the KV cache and the weights are given to
/// it.
#pragma once

#include <span>

#include "engine/backends/backend.h"
#include "engine/model/kv_cache.h"
#include "engine/model/weights.h"

namespace reprise::engine {

enum class LogitsOf : std::uint8_t { no_token, last_token, all_tokens };

class Decoder {
 public:
  /// `max_tokens`: the most that one forward() takes; `n_positions`: the capacity of the caches it will be
  /// used with. `backend` and `weights` must outlive the decoder. Errors: out_of_memory.
  Decoder(const Weights& weights, Backend& backend, std::int64_t max_tokens, std::int64_t n_positions);

  /// Appends `tokens` to the cache and returns logits [1 or n_tokens, n_vocab], valid until the next call;
  /// none for no_token, as all but the last chunk of a prompt need none. The bits of every row depend on the
  /// tokens up to it alone, not on how they were divided into calls. 1 <= n_tokens <= max_tokens, ids in [0,
  /// n_vocab), and room in the cache: the caller's duty.
  TensorView<const float> forward(std::span<const TokenId> tokens, KvCache& cache, LogitsOf which);

  [[nodiscard]] std::int64_t max_tokens() const { return max_tokens_; }
  /// Bytes of activations, rotary tables and what kernels have needed to compute in.
  [[nodiscard]] std::int64_t activation_bytes() const;

 private:
  void make_rotary_tables(std::int64_t n_positions);
  TensorView<float> activation(std::int64_t n_rows, std::int64_t width);
  void norm(TensorView<float> out, TensorView<const float> x, TensorView<const float> weight,
            TensorView<const float> bias);
  /// x in blocks where one of the matrices that will be multiplied with it is in blocks; otherwise nothing.
  QuantizedRows in_blocks(TensorView<const float> x, std::initializer_list<AnyTensorView> matrices);
  void attend(const LayerWeights& layer, std::int64_t index, std::int64_t n_tokens, KvCache& cache);
  void feed_forward(const LayerWeights& layer, std::int64_t n_tokens);
  TensorView<const float> logits(std::int64_t n_tokens, LogitsOf which);

  const ModelConfig& config_;
  const Weights& weights_;
  Backend& backend_;
  std::int64_t max_tokens_;
  std::vector<Buffer> buffers_;
  // Activations, [max_tokens, ...]; a call uses their first rows.
  TensorView<float> x_;             // [max_tokens, d_model]: the residual stream
  TensorView<float> normed_;        // [max_tokens, d_model]
  TensorView<float> q_;             // [max_tokens, n_heads * head_dim]
  TensorView<float> k_;             // [max_tokens, n_kv_heads * head_dim]
  TensorView<float> v_;             // [max_tokens, n_kv_heads * head_dim]
  TensorView<float> attended_;      // [max_tokens, n_heads * head_dim]
  TensorView<float> gate_;          // [max_tokens, d_ff]
  TensorView<float> up_;            // [max_tokens, d_ff]
  TensorView<float> logits_;        // [1 or max_tokens, n_vocab]
  TensorView<std::int8_t> values_;  // [max_tokens, widest input]: activations in blocks, if any weight is
  TensorView<float> scales_;        // [max_tokens, widest input / 32]
  TensorView<const float> cosine_;  // [n_positions, head_dim / 2]
  TensorView<const float> sine_;
};

}  // namespace reprise::engine
