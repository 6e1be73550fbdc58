/// The loss of next-token prediction. Used by TrainingDecoder.
#pragma once

#include <algorithm>
#include <span>

#include "engine/core/tensor_view.h"
#include "engine/core/token.h"
#include "engine/train/arithmetic.h"

namespace reprise::engine {

/// mean_t (log sum_i exp(logits[t, i]) - logits[t, targets[t]]), in nats a token, and its gradient:
///   d_logits[t, i] = (softmax(logits[t])[i] - [i == targets[t]]) / n_tokens
/// Shapes:   d_logits, logits [n_tokens, n_vocab]; targets [n_tokens]. Overwrites d_logits.
/// Numerics: the mean is summed in double, in order of t.
template <class T>
double cross_entropy(TensorView<T> d_logits, TensorView<const T> logits, std::span<const TokenId> targets) {
  const std::int64_t n_tokens = logits.extent(0);
  const std::int64_t n_vocab = logits.extent(1);
  const T share = T{1} / static_cast<T>(n_tokens);
  double total = 0;
  for (std::int64_t t = 0; t < n_tokens; ++t) {
    const T* row = logits.row(t);
    T* d_row = d_logits.row(t);
    const TokenId target = targets[static_cast<std::size_t>(t)];
    std::copy(row, row + n_vocab, d_row);
    total += softmax(d_row, n_vocab) - static_cast<double>(row[target]);
    d_row[target] -= T{1};
    for (std::int64_t i = 0; i < n_vocab; ++i) {
      d_row[i] *= share;
    }
  }
  return total / static_cast<double>(n_tokens);
}

}  // namespace reprise::engine
