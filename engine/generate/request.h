/// A generate call and its result: what is asked, and what came out. Knows no model files, no capture, no
/// harness.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/core/token.h"

namespace reprise::engine {

/// How a token is drawn from logits. The steps apply in the order of the fields (token_sampler.h).
struct SamplingParameters {
  float repetition_penalty = 1;  ///< > 0; 1: none
  float temperature = 0;         ///< >= 0; 0: greedy
  std::int64_t top_k = 0;        ///< 0: all
  float top_p = 1;               ///< (0, 1]
  float min_p = 0;               ///< [0, 1]
  std::uint64_t seed = 0;

  bool operator==(const SamplingParameters&) const = default;
};

struct GenerateRequest {
  std::vector<TokenId>
      prompt_ids;  ///< the whole context; a prefix already in the cache is not processed again
  std::int64_t max_new_tokens = 128;
  std::vector<TokenId> eos_ids;  ///< any of them ends the call, and is part of the result
  SamplingParameters sampling;
  /// When not empty: these ids drive decoding, one a step, whatever would have been drawn. For replays that
  /// must do equal work although their bits differ.
  std::vector<TokenId> forced_ids;
};

/// `stopped`: the observer wanted no more.
enum class FinishReason : std::uint8_t { eos, length, context_full, stopped };
std::string_view name_of(FinishReason reason);

struct GenerateResult {
  std::vector<TokenId> generated_ids;  ///< empty only when stopped during the prompt
  FinishReason finish_reason = FinishReason::length;
  std::int64_t n_cached = 0;  ///< prompt tokens found in the cache
  std::int64_t n_prompt = 0;  ///< prompt tokens processed
  /// Seconds from the start of the call, or from the token before, until each token was there; the first is
  /// the time to first token. Time spent in the observer is not in them.
  std::vector<double> token_seconds;
  double total_seconds = 0;
};

/// One token, just drawn.
struct TokenEvent {
  std::int64_t step;              ///< 0 for the first generated token
  TokenId id;                     ///< what drives decoding
  TokenId drawn;                  ///< what the token sampler drew; differs from id only when forced
  std::span<const float> logits;  ///< [n_vocab], valid during the call
  double seconds;                 ///< as in GenerateResult::token_seconds
};

class GenerateObserver {
 public:
  virtual ~GenerateObserver() = default;
  virtual void on_token(const TokenEvent& event) = 0;
  /// Asked before each forward pass: of every chunk of the prompt, and of every token. After `false` the call
  /// returns what there is, and the session has cached what was processed. Its time counts as the call's.
  [[nodiscard]] virtual bool wants_more() { return true; }
};

}  // namespace reprise::engine
