/// What the benchmarks of decoding share: the call, and what its tokens read.
#pragma once

#include "engine/generate/generate.h"

namespace reprise::bench {

/// Prompt ids all over the vocabulary, the same in every run; n_new tokens, greedy.
inline engine::GenerateRequest request_of(std::int64_t n_prompt, std::int64_t n_new, std::int64_t n_vocab) {
  engine::GenerateRequest request;
  for (std::int64_t i = 0; i < n_prompt; ++i) {
    request.prompt_ids.push_back(static_cast<engine::TokenId>((1 + i * 7919) % n_vocab));
  }
  request.max_new_tokens = n_new;
  return request;
}

/// Bytes of weights that one token reads: all of them, but of the embeddings one row each, unless a head is
/// tied to them.
inline std::int64_t bytes_per_token(const engine::Weights& weights) {
  std::int64_t bytes = weights.bytes;
  if (weights.head.data() != weights.token_embedding.data()) {
    bytes -= static_cast<std::int64_t>(weights.token_embedding.size_bytes());
  }
  return bytes - (weights.position_embedding.empty()
                      ? 0
                      : static_cast<std::int64_t>(weights.position_embedding.size_bytes()));
}

}  // namespace reprise::bench
