/// Log-probabilities of generated tokens, for `generate --logprobs K`.
#pragma once

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "engine/generate/generate.h"

namespace reprise::cli {

/// Records, for each generated token, natural logarithms of the softmax over the raw logits: before any
/// transformation that token sampling applies.
class Logprobs final : public engine::GenerateObserver {
 public:
  /// `n_top` likeliest tokens are kept a step, ties by lowest id.
  explicit Logprobs(int n_top) : n_top_(n_top) {}

  void on_token(const engine::TokenEvent& event) override;

  /// [{"id", "logprob", "top": [[id, logprob], ...]}, ...]
  [[nodiscard]] nlohmann::ordered_json to_json() const;

 private:
  struct Step {
    engine::TokenId id;
    double logprob;
    std::vector<std::pair<engine::TokenId, double>> top;
  };

  int n_top_;
  std::vector<Step> steps_;
};

}  // namespace reprise::cli
