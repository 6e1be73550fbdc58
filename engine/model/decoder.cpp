#include "engine/model/decoder.h"

#include <algorithm>
#include <cmath>

#include "engine/core/block_formats.h"
#include "engine/core/check.h"
#include "engine/model/rotary.h"

namespace reprise::engine {
namespace {

/// The first n rows of a tensor.
TensorView<float> rows(const TensorView<float>& tensor, std::int64_t n) {
  return {tensor.data(), {n, tensor.extent(1)}};
}

}  // namespace

Decoder::Decoder(const Weights& weights, Backend& backend, std::int64_t max_tokens, std::int64_t n_positions)
    : config_(weights.model->config()), weights_(weights), backend_(backend), max_tokens_(max_tokens) {
  const ModelConfig& c = config_;
  x_ = activation(max_tokens, c.d_model);
  normed_ = activation(max_tokens, c.d_model);
  q_ = activation(max_tokens, c.n_heads * c.head_dim);
  k_ = activation(max_tokens, c.n_kv_heads * c.head_dim);
  v_ = activation(max_tokens, c.n_kv_heads * c.head_dim);
  attended_ = activation(max_tokens, c.n_heads * c.head_dim);
  gate_ = activation(max_tokens, c.d_ff);
  up_ = activation(max_tokens, c.d_ff);
  logits_ = activation(1, c.n_vocab);
  if (weights.in_blocks) {
    const std::int64_t widest = std::max({c.d_model, c.n_heads * c.head_dim, c.d_ff});
    scales_ = activation(max_tokens, widest / kBlock);
    values_ = buffers_.emplace_back(backend.allocate(static_cast<std::size_t>(max_tokens * widest)))
                  .as_bytes({max_tokens, widest});
  }
  if (c.rotary) {
    make_rotary_tables(n_positions);
  }
}

TensorView<float> Decoder::activation(std::int64_t n_rows, std::int64_t width) {
  const Buffer& buffer =
      buffers_.emplace_back(backend_.allocate(static_cast<std::size_t>(n_rows * width) * sizeof(float)));
  return buffer.as_f32({n_rows, width});
}

std::int64_t Decoder::activation_bytes() const {
  std::int64_t bytes = backend_.workspace_bytes();
  for (const Buffer& buffer : buffers_) {
    bytes += static_cast<std::int64_t>(buffer.size_bytes());
  }
  return bytes;
}

void Decoder::make_rotary_tables(std::int64_t n_positions) {
  const RotaryTables tables = rotary_tables(config_, n_positions);
  const auto place = [&](const std::vector<float>& table) {
    const TensorView<float> view = activation(n_positions, config_.head_dim / 2);
    backend_.copy_in(reinterpret_cast<std::byte*>(view.data()), std::as_bytes(std::span(table)));
    return view;
  };
  cosine_ = place(tables.cosine);
  sine_ = place(tables.sine);
}

TensorView<const float> Decoder::forward(std::span<const TokenId> tokens, KvCache& cache, LogitsOf which) {
  const auto n_tokens = static_cast<std::int64_t>(tokens.size());
  REPRISE_CHECK(n_tokens >= 1 && n_tokens <= max_tokens_ && cache.length() + n_tokens <= cache.capacity());
  const TensorView<float> x = rows(x_, n_tokens);
  backend_.embed({x, weights_.token_embedding, tokens, weights_.position_embedding, cache.length()});
  if (config_.embedding_norm) {
    norm(x, x, {}, {});
  }
  for (std::int64_t i = 0; i < config_.n_layers; ++i) {
    const Backend::LayerScope scope(backend_, static_cast<int>(i));
    const LayerWeights& layer = weights_.layers[static_cast<std::size_t>(i)];
    attend(layer, i, n_tokens, cache);
    feed_forward(layer, n_tokens);
  }
  const TensorView<const float> found =
      which == LogitsOf::no_token ? TensorView<const float>() : logits(n_tokens, which);
  backend_.submit();
  cache.set_length(cache.length() + n_tokens);
  return found;
}

void Decoder::norm(TensorView<float> out, TensorView<const float> x, TensorView<const float> weight,
                   TensorView<const float> bias) {
  if (config_.norm == NormKind::rms) {
    backend_.rms_norm({out, x, weight, config_.norm_eps});
  } else {
    backend_.layer_norm({out, x, weight, bias, config_.norm_eps});
  }
}

QuantizedRows Decoder::in_blocks(TensorView<const float> x, std::initializer_list<AnyTensorView> matrices) {
  if (std::ranges::none_of(matrices, [](const AnyTensorView& w) { return is_block_format(w.dtype()); })) {
    return {};
  }
  const MutableQuantizedRows blocks = {{values_.data(), x.shape()},
                                       {scales_.data(), {x.extent(0), x.extent(1) / kBlock}}};
  backend_.quantize({blocks, x});
  return {blocks.values, blocks.scales};
}

/// x += W_o attention(norm(x))
void Decoder::attend(const LayerWeights& layer, std::int64_t index, std::int64_t n_tokens, KvCache& cache) {
  const std::int64_t head_dim = config_.head_dim;
  const Shape q_heads = {n_tokens, config_.n_heads, head_dim};
  const Shape kv_heads = {n_tokens, config_.n_kv_heads, head_dim};
  const TensorView<float> x = rows(x_, n_tokens);
  const TensorView<float> normed = rows(normed_, n_tokens);
  const TensorView<float> q = rows(q_, n_tokens);
  const TensorView<float> k = rows(k_, n_tokens);
  const TensorView<float> v = rows(v_, n_tokens);
  const TensorView<float> attended = rows(attended_, n_tokens);

  norm(normed, x, layer.attention_norm, layer.attention_norm_bias);
  const QuantizedRows blocks = in_blocks(normed, {layer.q, layer.k, layer.v});
  backend_.linear({q, normed, layer.q, layer.q_bias, {}, blocks});
  backend_.linear({k, normed, layer.k, layer.k_bias, {}, blocks});
  backend_.linear({v, normed, layer.v, layer.v_bias, {}, blocks});
  if (config_.qk_norm) {
    const TensorView<float> q_rows = q.reshaped({n_tokens * config_.n_heads, head_dim});
    const TensorView<float> k_rows = k.reshaped({n_tokens * config_.n_kv_heads, head_dim});
    backend_.rms_norm({q_rows, q_rows, layer.q_norm, config_.norm_eps});
    backend_.rms_norm({k_rows, k_rows, layer.k_norm, config_.norm_eps});
  }
  if (config_.rotary) {
    backend_.rope({q.reshaped(q_heads), cosine_, sine_, cache.length(), config_.rotary_layout});
    backend_.rope({k.reshaped(kv_heads), cosine_, sine_, cache.length(), config_.rotary_layout});
  }
  backend_.store_kv(
      {cache.keys(index), cache.values(index), k.reshaped(kv_heads), v.reshaped(kv_heads), cache.length()});
  const float scale = 1.0F / std::sqrt(static_cast<float>(head_dim));
  backend_.attention({attended.reshaped(q_heads), q.reshaped(q_heads), cache.keys(index), cache.values(index),
                      cache.length(), scale});
  backend_.linear({x, attended, layer.o, layer.o_bias, x, in_blocks(attended, {layer.o})});
}

/// x += W_down f(W_up norm(x)), with f gated for SwiGLU
void Decoder::feed_forward(const LayerWeights& layer, std::int64_t n_tokens) {
  const TensorView<float> x = rows(x_, n_tokens);
  const TensorView<float> normed = rows(normed_, n_tokens);
  const TensorView<float> gate = rows(gate_, n_tokens);
  const TensorView<float> up = rows(up_, n_tokens);
  norm(normed, x, layer.ffn_norm, layer.ffn_norm_bias);
  const QuantizedRows blocks = in_blocks(normed, {layer.gate, layer.up});
  backend_.linear({up, normed, layer.up, layer.up_bias, {}, blocks});
  switch (config_.feed_forward) {
    case FeedForward::swiglu:
      backend_.linear({gate, normed, layer.gate, {}, {}, blocks});
      backend_.swiglu({up, gate, up});
      break;
    case FeedForward::gelu:
      backend_.gelu({up, up});
      break;
    case FeedForward::relu:
      backend_.relu({up, up});
      break;
  }
  backend_.linear({x, up, layer.down, layer.down_bias, x, in_blocks(up, {layer.down})});
}

TensorView<const float> Decoder::logits(std::int64_t n_tokens, LogitsOf which) {
  const std::int64_t n_rows = which == LogitsOf::all_tokens ? n_tokens : 1;
  if (logits_.extent(0) < n_rows) {
    logits_ = activation(max_tokens_, config_.n_vocab);
  }
  TensorView<float> last = {x_.row(n_tokens - n_rows), {n_rows, config_.d_model}};
  if (config_.final_norm) {
    const TensorView<float> normed = rows(normed_, n_rows);
    norm(normed, last, weights_.final_norm, weights_.final_norm_bias);
    last = normed;
  }
  const TensorView<float> out = rows(logits_, n_rows);
  backend_.linear({out, last, weights_.head, {}, {}, in_blocks(last, {weights_.head})});
  return out;
}

}  // namespace reprise::engine
