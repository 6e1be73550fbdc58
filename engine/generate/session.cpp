#include "engine/generate/session.h"

#include <algorithm>

#include "engine/core/check.h"

namespace reprise::engine {
namespace {

std::int64_t capacity_of(const ModelConfig& config, const SessionOptions& options) {
  return options.n_positions == 0 ? config.n_context : std::min(options.n_positions, config.n_context);
}

std::shared_ptr<const Weights> placed(std::shared_ptr<const Model> model, Backend& backend) {
  return std::make_shared<const Weights>(
      place_weights(std::move(model), backend, backend.placement().precision));
}

}  // namespace

Session::Session(std::shared_ptr<const Model> model, const Placement& placement, SessionOptions options)
    : Session(nullptr, make_backend(placement), options, std::move(model)) {}

Session::Session(std::shared_ptr<const Weights> weights, std::unique_ptr<Backend> backend,
                 SessionOptions options)
    : Session(std::move(weights), std::move(backend), options, nullptr) {}

Session::Session(std::shared_ptr<const Weights> weights, std::unique_ptr<Backend> backend,
                 SessionOptions options, std::shared_ptr<const Model> model)
    : backend_(std::move(backend)),
      weights_(weights != nullptr ? std::move(weights) : placed(std::move(model), *backend_)),
      options_(options),
      cache_(*backend_, weights_->model->config(), backend_->placement().kv_precision,
             capacity_of(weights_->model->config(), options)),
      decoder_(*weights_, *backend_, std::min(options.prefill_chunk, cache_.capacity()), cache_.capacity()) {}

void Session::truncate(std::int64_t n) {
  REPRISE_CHECK(n >= 0 && n <= cache_.length());
  cache_.set_length(n);
  history_.resize(static_cast<std::size_t>(n));
}

void Session::restore(std::span<const TokenId> ids, std::span<const std::byte> keys,
                      std::span<const std::byte> values) {
  cache_.restore(keys, values, static_cast<std::int64_t>(ids.size()));
  history_.assign(ids.begin(), ids.end());
}

TensorView<const float> Session::append(std::span<const TokenId> ids, LogitsOf which) {
  REPRISE_CHECK(!ids.empty());
  const auto chunk = static_cast<std::size_t>(decoder_.max_tokens());
  REPRISE_CHECK(which == LogitsOf::last_token || ids.size() <= chunk);
  TensorView<const float> logits;
  for (std::size_t done = 0; done < ids.size(); done += chunk) {
    const auto part = ids.subspan(done, std::min(chunk, ids.size() - done));
    const bool is_last = done + part.size() == ids.size();
    logits = decoder_.forward(part, cache_, is_last ? which : LogitsOf::no_token);
    history_.insert(history_.end(), part.begin(), part.end());
  }
  return logits;
}

}  // namespace reprise::engine
