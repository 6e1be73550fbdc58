/// The operations that read a matrix of parameters: linear maps and embeddings, each with its gradient.
/// Every *_backward adds to the gradients it is given: a parameter is used by many tokens, and an activation
/// by several operations. Used by TrainingDecoder.
#pragma once

#include <span>

#include "engine/core/tensor_view.h"
#include "engine/core/token.h"
#include "engine/train/arithmetic.h"

namespace reprise::engine {

/// out[t, o] = sum_i weight[o, i] * x[t, i] (+ bias[o], when given)
/// Shapes:   out [n_tokens, n_out]; x [n_tokens, n_in]; weight [n_out, n_in]; bias [n_out].
template <class T>
void linear(TensorView<T> out, TensorView<const T> x, TensorView<const T> weight, TensorView<const T> bias) {
  const std::int64_t n_in = x.extent(1);
  const std::int64_t n_out = weight.extent(0);
  REPRISE_CHECK(weight.extent(1) == n_in && out.extent(1) == n_out && out.extent(0) == x.extent(0));
  for (std::int64_t t = 0; t < x.extent(0); ++t) {
    for (std::int64_t o = 0; o < n_out; ++o) {
      const T y = dot(weight.row(o), x.row(t), n_in);
      out.row(t)[o] = bias.empty() ? y : y + bias.data()[o];
    }
  }
}

/// d_x[t, i]      += sum_o d_out[t, o] * weight[o, i]
/// d_weight[o, i] += sum_t d_out[t, o] * x[t, i]
/// d_bias[o]      += sum_t d_out[t, o], when given
template <class T>
void linear_backward(TensorView<T> d_x, TensorView<T> d_weight, TensorView<T> d_bias,
                     TensorView<const T> d_out, TensorView<const T> x, TensorView<const T> weight) {
  const std::int64_t n_in = x.extent(1);
  const std::int64_t n_out = weight.extent(0);
  REPRISE_CHECK(d_x.shape() == x.shape() && d_weight.shape() == weight.shape());
  REPRISE_CHECK(d_out.extent(0) == x.extent(0) && d_out.extent(1) == n_out);
  for (std::int64_t t = 0; t < x.extent(0); ++t) {
    for (std::int64_t o = 0; o < n_out; ++o) {
      const T d = d_out.row(t)[o];
      add_scaled(d_x.row(t), d, weight.row(o), n_in);
      add_scaled(d_weight.row(o), d, x.row(t), n_in);
      if (!d_bias.empty()) {
        d_bias.data()[o] += d;
      }
    }
  }
}

/// out[t, :] = table[tokens[t], :] (+ positions[t, :], when given)
/// Shapes:   out [n_tokens, d_model]; table [n_vocab, d_model]; positions [n_context, d_model].
template <class T>
void embed(TensorView<T> out, TensorView<const T> table, TensorView<const T> positions,
           std::span<const TokenId> tokens) {
  const std::int64_t d_model = out.extent(1);
  for (std::int64_t t = 0; t < out.extent(0); ++t) {
    const T* row = table.row(tokens[static_cast<std::size_t>(t)]);
    for (std::int64_t i = 0; i < d_model; ++i) {
      out.row(t)[i] = positions.empty() ? row[i] : row[i] + positions.row(t)[i];
    }
  }
}

/// d_table[tokens[t], :] += d_out[t, :]
/// d_positions[t, :]     += d_out[t, :], when given
template <class T>
void embed_backward(TensorView<T> d_table, TensorView<T> d_positions, TensorView<const T> d_out,
                    std::span<const TokenId> tokens) {
  const std::int64_t d_model = d_out.extent(1);
  for (std::int64_t t = 0; t < d_out.extent(0); ++t) {
    add_scaled(d_table.row(tokens[static_cast<std::size_t>(t)]), T{1}, d_out.row(t), d_model);
    if (!d_positions.empty()) {
      add_scaled(d_positions.row(t), T{1}, d_out.row(t), d_model);
    }
  }
}

}  // namespace reprise::engine
