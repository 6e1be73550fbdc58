/// The decoder's forward pass over one sequence, keeping what the backward pass needs, and the backward pass:
/// the gradient of the loss by every parameter. One pair of functions for every configuration that
/// model/decoder.h computes, with its terms in its order; instantiated for float (to train) and double (to
/// show that the gradients are right). Not for generating: no cache, no backend, one thread. Used by the
/// trainer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/core/token.h"
#include "engine/train/attention.h"
#include "engine/train/parameters.h"
#include "engine/train/tensor_arena.h"

namespace reprise::engine {

template <class T>
class TrainingDecoder {
 public:
  explicit TrainingDecoder(const ModelConfig& config);

  /// Mean cross-entropy, in nats a token, of tokens[1 ..], each predicted from those before it. From 2 to
  /// n_context + 1 tokens, ids in [0, n_vocab): the caller's duty.
  double loss(const Parameters<T>& parameters, std::span<const TokenId> tokens);

  /// Adds the gradient of the last loss(), once after each. `parameters` are those that loss() was given.
  void add_gradient(const Parameters<T>& parameters, Parameters<T>& gradient);

  /// [n_tokens - 1, n_vocab] of the last loss(), valid until the next.
  [[nodiscard]] TensorView<const T> logits() const { return logits_; }

 private:
  /// What one block computed, [n_tokens, ...].
  struct Block {
    TensorView<T> x;              // [d_model]: the residual stream as it came
    TensorView<T> normed;         // [d_model]
    TensorView<T> q_projected;    // [n_heads * head_dim], before its norm
    TensorView<T> k_projected;    // [n_kv_heads * head_dim]
    TensorView<T> q;              // [n_heads * head_dim], as attention reads it
    TensorView<T> k;              // [n_kv_heads * head_dim]
    TensorView<T> v;              // [n_kv_heads * head_dim]
    TensorView<T> probabilities;  // [n_heads * n_tokens, n_tokens]
    TensorView<T> attended;       // [n_heads * head_dim]
    TensorView<T> x_attended;     // [d_model]: the residual stream after attention
    TensorView<T> ffn_normed;     // [d_model]
    TensorView<T> gate;           // [d_ff]
    TensorView<T> up;             // [d_ff]
    TensorView<T> activated;      // [d_ff]
  };
  /// The parameters of one block, or of none, and where their gradients go.
  struct Place {
    const Parameters<T>& parameters;
    Parameters<T>* gradient;
    int layer;
  };

  TensorView<T> attend(const Place& place, Block& block);
  TensorView<T> feed_forward(const Place& place, Block& block);
  void attend_backward(const Place& place, const Block& block, TensorView<T> d_x);
  void feed_forward_backward(const Place& place, const Block& block, TensorView<T> d_x);
  void project_queries_and_keys(const Place& place, Block& block);
  AttentionGradients<T> attention_gradients(const Block& block, TensorView<const T> d_attended);

  TensorView<T> project(const Place& place, Slot weight, std::optional<Slot> bias, TensorView<const T> x);
  void project_backward(const Place& place, Slot weight, std::optional<Slot> bias, TensorView<T> d_x,
                        TensorView<const T> d_out, TensorView<const T> x);
  TensorView<T> norm(const Place& place, Slot gain, Slot bias, TensorView<const T> x);
  void norm_backward(const Place& place, Slot gain, Slot bias, TensorView<T> d_x, TensorView<const T> d_out,
                     TensorView<const T> x);
  TensorView<T> norm_heads(const Place& place, Slot gain, TensorView<T> x);
  TensorView<T> norm_heads_backward(const Place& place, Slot gain, TensorView<T> d_out, TensorView<T> x);

  ModelConfig config_;
  HeadShape heads_;
  T eps_;
  T attention_scale_;
  std::vector<T> cosine_;  // [n_context, head_dim / 2], as far as sequences have reached
  std::vector<T> sine_;

  TensorArena<T> arena_;
  std::vector<TokenId> tokens_;
  TensorView<T> embedded_;  // [n_tokens, d_model]
  std::vector<Block> blocks_;
  TensorView<T> x_;         // [n_tokens, d_model]: the residual stream after all blocks
  TensorView<T> head_in_;   // [n_tokens, d_model]
  TensorView<T> logits_;    // [n_tokens, n_vocab]
  TensorView<T> d_logits_;  // [n_tokens, n_vocab]
};

}  // namespace reprise::engine
