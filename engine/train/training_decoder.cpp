#include "engine/train/training_decoder.h"

#include <cmath>

#include "engine/core/fixed_math.h"
#include "engine/model/rotary.h"
#include "engine/train/activations.h"
#include "engine/train/cross_entropy.h"
#include "engine/train/linear.h"
#include "engine/train/norms.h"

namespace reprise::engine {
namespace {

/// Angles of further positions, in double, rounded once.
template <class T>
void extend_rotary(std::vector<T>& cosine, std::vector<T>& sine, const ModelConfig& config,
                   std::int64_t n_positions) {
  const std::vector<double> frequencies = rotary_frequencies(config);
  const std::int64_t n_known = std::ssize(cosine) / std::ssize(frequencies);
  for (std::int64_t position = n_known; position < n_positions; ++position) {
    for (const double frequency : frequencies) {
      const SineCosine angle = fixed_sine_cosine(static_cast<double>(position) * frequency);
      cosine.push_back(static_cast<T>(angle.cosine));
      sine.push_back(static_cast<T>(angle.sine));
    }
  }
}

/// y += x
template <class T>
void add(TensorView<T> y, TensorView<const T> x) {
  add_scaled(y.data(), T{1}, x.data(), y.count());
}

}  // namespace

template <class T>
TrainingDecoder<T>::TrainingDecoder(const ModelConfig& config)
    : config_(config),
      heads_{config.n_heads, config.n_kv_heads, config.head_dim},
      eps_(static_cast<T>(config.norm_eps)),
      attention_scale_(T{1} / std::sqrt(static_cast<T>(config.head_dim))) {
  REPRISE_CHECK(config.norm == NormKind::rms || (config.norm_gain && !config.embedding_norm));
}

template <class T>
double TrainingDecoder<T>::loss(const Parameters<T>& parameters, std::span<const TokenId> tokens) {
  REPRISE_CHECK(std::ssize(tokens) >= 2 && std::ssize(tokens) <= config_.n_context + 1);
  const std::int64_t n_tokens = std::ssize(tokens) - 1;
  arena_.clear();
  blocks_.clear();
  tokens_.assign(tokens.begin(), tokens.end());
  if (config_.rotary) {
    extend_rotary(cosine_, sine_, config_, n_tokens);
  }
  const Place outside{parameters, nullptr, kNoLayer};
  embedded_ = arena_.zeros(n_tokens, config_.d_model);
  embed<T>(embedded_, parameters.tensor(Slot::token_embedding), parameters.tensor(Slot::position_embedding),
           tokens);
  x_ = embedded_;
  if (config_.embedding_norm) {
    x_ = arena_.zeros_like(embedded_);
    rms_norm<T>(x_, embedded_, {}, eps_);
  }
  for (int layer = 0; layer < config_.n_layers; ++layer) {
    const Place place{parameters, nullptr, layer};
    Block& block = blocks_.emplace_back();
    block.x = x_;
    block.x_attended = attend(place, block);
    x_ = feed_forward(place, block);
  }
  head_in_ = config_.final_norm ? norm(outside, Slot::final_norm, Slot::final_norm_bias, x_) : x_;
  logits_ = project(outside, config_.tied_head ? Slot::token_embedding : Slot::head, {}, head_in_);
  d_logits_ = arena_.zeros_like(logits_);
  return cross_entropy<T>(d_logits_, logits_, std::span<const TokenId>(tokens_).subspan(1));
}

template <class T>
void TrainingDecoder<T>::add_gradient(const Parameters<T>& parameters, Parameters<T>& gradient) {
  REPRISE_CHECK(std::ssize(blocks_) == config_.n_layers);
  const Place outside{parameters, &gradient, kNoLayer};
  TensorView<T> d_head_in = arena_.zeros_like(head_in_);
  project_backward(outside, config_.tied_head ? Slot::token_embedding : Slot::head, {}, d_head_in, d_logits_,
                   head_in_);
  TensorView<T> d_x = d_head_in;
  if (config_.final_norm) {
    d_x = arena_.zeros_like(x_);
    norm_backward(outside, Slot::final_norm, Slot::final_norm_bias, d_x, d_head_in, x_);
  }
  for (int layer = static_cast<int>(config_.n_layers) - 1; layer >= 0; --layer) {
    const Place place{parameters, &gradient, layer};
    feed_forward_backward(place, blocks_[static_cast<std::size_t>(layer)], d_x);
    attend_backward(place, blocks_[static_cast<std::size_t>(layer)], d_x);
  }
  TensorView<T> d_embedded = d_x;
  if (config_.embedding_norm) {
    d_embedded = arena_.zeros_like(embedded_);
    rms_norm_backward<T>(d_embedded, {}, d_x, embedded_, {}, eps_);
  }
  embed_backward<T>(gradient.tensor(Slot::token_embedding), gradient.tensor(Slot::position_embedding),
                    d_embedded, tokens_);
}

/// x + W_o attention(norm(x))
template <class T>
TensorView<T> TrainingDecoder<T>::attend(const Place& place, Block& block) {
  const std::int64_t n_tokens = block.x.extent(0);
  block.normed = norm(place, Slot::attention_norm, Slot::attention_norm_bias, block.x);
  project_queries_and_keys(place, block);
  block.v = project(place, Slot::v, Slot::v_bias, block.normed);
  block.probabilities = arena_.zeros(heads_.n_heads * n_tokens, n_tokens);
  block.attended = arena_.zeros_like(block.q);
  attention<T>(block.attended, block.probabilities, block.q, block.k, block.v, heads_, attention_scale_);
  const TensorView<T> out = project(place, Slot::o, Slot::o_bias, block.attended);
  add<T>(out, block.x);
  return out;
}

template <class T>
void TrainingDecoder<T>::project_queries_and_keys(const Place& place, Block& block) {
  block.q = block.q_projected = project(place, Slot::q, Slot::q_bias, block.normed);
  block.k = block.k_projected = project(place, Slot::k, Slot::k_bias, block.normed);
  if (config_.qk_norm) {
    block.q = norm_heads(place, Slot::q_norm, block.q_projected);
    block.k = norm_heads(place, Slot::k_norm, block.k_projected);
  }
  if (config_.rotary) {
    const Shape table = {block.x.extent(0), config_.head_dim / 2};
    rotate<T>(block.q, {cosine_.data(), table}, {sine_.data(), table}, config_.rotary_layout, T{1});
    rotate<T>(block.k, {cosine_.data(), table}, {sine_.data(), table}, config_.rotary_layout, T{1});
  }
}

/// `d_x` is the gradient by what attend() returned, and becomes that by block.x.
template <class T>
void TrainingDecoder<T>::attend_backward(const Place& place, const Block& block, TensorView<T> d_x) {
  const TensorView<T> d_attended = arena_.zeros_like(block.attended);
  project_backward(place, Slot::o, Slot::o_bias, d_attended, d_x, block.attended);
  AttentionGradients<T> d = attention_gradients(block, d_attended);
  if (config_.qk_norm) {
    d.q = norm_heads_backward(place, Slot::q_norm, d.q, block.q_projected);
    d.k = norm_heads_backward(place, Slot::k_norm, d.k, block.k_projected);
  }
  const TensorView<T> d_normed = arena_.zeros_like(block.normed);
  project_backward(place, Slot::q, Slot::q_bias, d_normed, d.q, block.normed);
  project_backward(place, Slot::k, Slot::k_bias, d_normed, d.k, block.normed);
  project_backward(place, Slot::v, Slot::v_bias, d_normed, d.v, block.normed);
  norm_backward(place, Slot::attention_norm, Slot::attention_norm_bias, d_x, d_normed, block.x);
}

/// By values, and by queries and keys as they were before the rotation.
template <class T>
AttentionGradients<T> TrainingDecoder<T>::attention_gradients(const Block& block,
                                                              TensorView<const T> d_attended) {
  const AttentionGradients<T> d = {arena_.zeros_like(block.q), arena_.zeros_like(block.k),
                                   arena_.zeros_like(block.v)};
  attention_backward<T>(d, d_attended, block.probabilities, block.q, block.k, block.v, heads_,
                        attention_scale_);
  if (config_.rotary) {
    const Shape table = {block.x.extent(0), config_.head_dim / 2};
    rotate<T>(d.q, {cosine_.data(), table}, {sine_.data(), table}, config_.rotary_layout, T{-1});
    rotate<T>(d.k, {cosine_.data(), table}, {sine_.data(), table}, config_.rotary_layout, T{-1});
  }
  return d;
}

/// x + W_down f(W_up norm(x)), with f gated for SwiGLU
template <class T>
TensorView<T> TrainingDecoder<T>::feed_forward(const Place& place, Block& block) {
  block.ffn_normed = norm(place, Slot::ffn_norm, Slot::ffn_norm_bias, block.x_attended);
  block.up = project(place, Slot::up, Slot::up_bias, block.ffn_normed);
  block.activated = arena_.zeros_like(block.up);
  switch (config_.feed_forward) {
    case FeedForward::swiglu:
      block.gate = project(place, Slot::gate, {}, block.ffn_normed);
      swiglu<T>(block.activated, block.gate, block.up);
      break;
    case FeedForward::gelu:
      gelu<T>(block.activated, block.up);
      break;
    case FeedForward::relu:
      relu<T>(block.activated, block.up);
      break;
  }
  const TensorView<T> out = project(place, Slot::down, Slot::down_bias, block.activated);
  add<T>(out, block.x_attended);
  return out;
}

/// `d_x` is the gradient by what feed_forward() returned, and becomes that by block.x_attended.
template <class T>
void TrainingDecoder<T>::feed_forward_backward(const Place& place, const Block& block, TensorView<T> d_x) {
  const TensorView<T> d_activated = arena_.zeros_like(block.activated);
  project_backward(place, Slot::down, Slot::down_bias, d_activated, d_x, block.activated);
  const TensorView<T> d_up = arena_.zeros_like(block.up);
  const TensorView<T> d_normed = arena_.zeros_like(block.ffn_normed);
  switch (config_.feed_forward) {
    case FeedForward::swiglu: {
      const TensorView<T> d_gate = arena_.zeros_like(block.gate);
      swiglu_backward<T>(d_gate, d_up, d_activated, block.gate, block.up);
      project_backward(place, Slot::gate, {}, d_normed, d_gate, block.ffn_normed);
      break;
    }
    case FeedForward::gelu:
      gelu_backward<T>(d_up, d_activated, block.up);
      break;
    case FeedForward::relu:
      relu_backward<T>(d_up, d_activated, block.up);
      break;
  }
  project_backward(place, Slot::up, Slot::up_bias, d_normed, d_up, block.ffn_normed);
  norm_backward(place, Slot::ffn_norm, Slot::ffn_norm_bias, d_x, d_normed, block.x_attended);
}

template <class T>
TensorView<T> TrainingDecoder<T>::project(const Place& place, Slot weight, std::optional<Slot> bias,
                                          TensorView<const T> x) {
  const TensorView<const T> w = place.parameters.tensor(weight, place.layer);
  const TensorView<T> out = arena_.zeros(x.extent(0), w.extent(0));
  linear<T>(out, x, w, bias ? place.parameters.tensor(*bias, place.layer) : TensorView<const T>());
  return out;
}

template <class T>
void TrainingDecoder<T>::project_backward(const Place& place, Slot weight, std::optional<Slot> bias,
                                          TensorView<T> d_x, TensorView<const T> d_out,
                                          TensorView<const T> x) {
  linear_backward<T>(d_x, place.gradient->tensor(weight, place.layer),
                     bias ? place.gradient->tensor(*bias, place.layer) : TensorView<T>(), d_out, x,
                     place.parameters.tensor(weight, place.layer));
}

template <class T>
TensorView<T> TrainingDecoder<T>::norm(const Place& place, Slot gain, Slot bias, TensorView<const T> x) {
  const TensorView<T> out = arena_.zeros_like(x);
  const TensorView<const T> weight = place.parameters.tensor(gain, place.layer);
  if (config_.norm == NormKind::rms) {
    rms_norm<T>(out, x, weight, eps_);
  } else {
    layer_norm<T>(out, x, weight, place.parameters.tensor(bias, place.layer), eps_);
  }
  return out;
}

template <class T>
void TrainingDecoder<T>::norm_backward(const Place& place, Slot gain, Slot bias, TensorView<T> d_x,
                                       TensorView<const T> d_out, TensorView<const T> x) {
  const TensorView<const T> weight = place.parameters.tensor(gain, place.layer);
  const TensorView<T> d_weight = place.gradient->tensor(gain, place.layer);
  if (config_.norm == NormKind::rms) {
    rms_norm_backward<T>(d_x, d_weight, d_out, x, weight, eps_);
  } else {
    layer_norm_backward<T>(d_x, d_weight, place.gradient->tensor(bias, place.layer), d_out, x, weight, eps_);
  }
}

/// Each head of each token is a row of its own.
template <class T>
TensorView<T> TrainingDecoder<T>::norm_heads(const Place& place, Slot gain, TensorView<T> x) {
  const TensorView<T> out = arena_.zeros_like(x);
  const Shape rows = {x.count() / config_.head_dim, config_.head_dim};
  rms_norm<T>(out.reshaped(rows), x.reshaped(rows), place.parameters.tensor(gain, place.layer), eps_);
  return out;
}

template <class T>
TensorView<T> TrainingDecoder<T>::norm_heads_backward(const Place& place, Slot gain, TensorView<T> d_out,
                                                      TensorView<T> x) {
  const TensorView<T> d_x = arena_.zeros_like(x);
  const Shape rows = {x.count() / config_.head_dim, config_.head_dim};
  rms_norm_backward<T>(d_x.reshaped(rows), place.gradient->tensor(gain, place.layer), d_out.reshaped(rows),
                       x.reshaped(rows), place.parameters.tensor(gain, place.layer), eps_);
  return d_x;
}

template class TrainingDecoder<float>;
template class TrainingDecoder<double>;

}  // namespace reprise::engine
