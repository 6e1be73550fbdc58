/// Log-probabilities of generated tokens: natural logarithms of the softmax over the raw logits, before any
/// transformation that token sampling applies. Used by `generate --logprobs` and the HTTP server.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <utility>
#include <vector>

#include "engine/generate/request.h"

namespace reprise::engine {

struct TokenLogprobs {
  TokenId id = 0;
  double logprob = 0;
  std::vector<std::pair<TokenId, double>> top;  ///< the likeliest, ties by lowest id
};

class Logprobs final : public GenerateObserver {
 public:
  /// `n_top` likeliest tokens are kept a step.
  explicit Logprobs(int n_top) : n_top_(n_top) {}

  void on_token(const TokenEvent& event) override;

  [[nodiscard]] const std::vector<TokenLogprobs>& steps() const { return steps_; }
  /// [{"id", "logprob", "top": [[id, logprob], ...]}, ...]
  [[nodiscard]] nlohmann::ordered_json to_json() const;

 private:
  int n_top_;
  std::vector<TokenLogprobs> steps_;
};

}  // namespace reprise::engine
