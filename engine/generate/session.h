/// A model placed and ready: backend, weights, decoder, KV cache, and the tokens the cache holds. Calls of
/// generate() on one session reuse the longest prefix they share with what is cached.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/model/decoder.h"

namespace reprise::engine {

struct SessionOptions {
  std::int64_t n_positions = 0;      ///< capacity; 0: the model's whole context; never more than that
  std::int64_t prefill_chunk = 512;  ///< prompt tokens per forward pass: speed and memory, never bits
};

class Session {
 public:
  /// Errors: those of make_backend and place_weights; out_of_memory.
  Session(std::shared_ptr<const Model> model, const Placement& placement, SessionOptions options);
  /// With weights that another session of the same backend kind and precision has placed.
  Session(std::shared_ptr<const Weights> weights, std::unique_ptr<Backend> backend, SessionOptions options);

  [[nodiscard]] const Model& model() const { return *weights_->model; }
  [[nodiscard]] const std::shared_ptr<const Weights>& weights() const { return weights_; }
  [[nodiscard]] Backend& backend() { return *backend_; }
  [[nodiscard]] const Placement& placement() const { return backend_->placement(); }
  [[nodiscard]] const KvCache& cache() const { return cache_; }
  [[nodiscard]] const Decoder& decoder() const { return decoder_; }
  [[nodiscard]] std::int64_t n_positions() const { return cache_.capacity(); }

  /// The tokens whose keys and values are cached, in order.
  [[nodiscard]] const std::vector<TokenId>& history() const { return history_; }
  /// Forgets all but the first n tokens.
  void truncate(std::int64_t n);
  /// Puts `ids` with their keys and values (KvCache::restore) in place of everything cached.
  void restore(std::span<const TokenId> ids, std::span<const std::byte> keys,
               std::span<const std::byte> values);

  /// Appends tokens in chunks; logits [1, n_vocab] of the last one, or [n_tokens, n_vocab] of all when they
  /// fit one chunk. Ids must be in the vocabulary and fit the capacity.
  TensorView<const float> append(std::span<const TokenId> ids, LogitsOf which = LogitsOf::last_token);

 private:
  /// Exactly one of weights and model is given.
  Session(std::shared_ptr<const Weights> weights, std::unique_ptr<Backend> backend, SessionOptions options,
          std::shared_ptr<const Model> model);

  std::unique_ptr<Backend> backend_;
  std::shared_ptr<const Weights> weights_;
  SessionOptions options_;
  KvCache cache_;
  Decoder decoder_;
  std::vector<TokenId> history_;
};

}  // namespace reprise::engine
