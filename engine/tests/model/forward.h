/// Logits of every position of a text: what the tests of loading and placing compare.
#pragma once

#include <vector>

#include "engine/model/decoder.h"

namespace reprise::engine {

/// [n_tokens, n_vocab], fed as one chunk.
inline std::vector<float> logits_of(const std::shared_ptr<const Model>& model, std::span<const TokenId> ids,
                                    const Placement& placement = {}) {
  const std::unique_ptr<Backend> backend = make_backend(placement);
  const Weights weights = place_weights(model, *backend, placement.precision);
  KvCache cache(*backend, model->config(), placement.kv_precision, std::ssize(ids));
  Decoder decoder(weights, *backend, std::ssize(ids), std::ssize(ids));
  const auto logits = backend->read(decoder.forward(ids, cache, LogitsOf::all_tokens));
  return {logits.begin(), logits.end()};
}

}  // namespace reprise::engine
