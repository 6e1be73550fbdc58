#include "harness/replay/engine_replay.h"

#include <algorithm>

#include "engine/core/check.h"
#include "engine/core/error.h"

namespace reprise::harness {

using engine::Capture;
using engine::Placement;

namespace {

/// The digest covers the weights alone. Where the shapes disagree, the capture's ids and rows lie outside the
/// model's.
void check_shape(const Capture& capture, const engine::Model& model) {
  const engine::ModelConfig& own = model.config();
  const engine::ModelConfig captured =
      engine::parse_config(capture.model.config_json, "capture: model_config");
  const auto require = [&](const char* field, std::int64_t expected, std::int64_t found) {
    if (found != expected) {
      fail(ErrorCode::mismatch, "{}: {}: expected {} as captured, found {}", model.spec(), field, expected,
           found);
    }
  };
  require("n_vocab", captured.n_vocab, own.n_vocab);
  require("n_layers", captured.n_layers, own.n_layers);
  require("n_kv_heads", captured.n_kv_heads, own.n_kv_heads);
  require("head_dim", captured.head_dim, own.head_dim);
  if (!own.computes_as(captured)) {
    fail(ErrorCode::mismatch,
         "{}: config.json: expected the captured configuration, found another (reprise capture "
         "show --json prints the captured one)",
         model.spec());
  }
  if (capture.n_prompt() > own.n_context) {
    fail(ErrorCode::mismatch, "{}: n_context: expected at least {} for the captured prompt, found {}",
         model.spec(), capture.n_prompt(), own.n_context);
  }
}

}  // namespace

std::shared_ptr<const engine::Weights> WeightPool::weights(const std::shared_ptr<const engine::Model>& model,
                                                           engine::Backend& backend) {
  const std::string& precision = backend.placement().precision;
  const std::string memory = memory_of(backend.placement());
  for (const Entry& entry : entries_) {
    if (entry.model == model && entry.memory == memory &&
        (entry.precision == precision || entry.weights->precision == precision)) {
      return entry.weights;
    }
  }
  auto placed = std::make_shared<const engine::Weights>(engine::place_weights(model, backend, precision));
  entries_.push_back({model, precision, memory, placed});
  return placed;
}

EngineReplay::EngineReplay(const Capture& capture, const std::shared_ptr<const engine::Model>& model,
                           const ReplayPlan& plan, WeightPool& pool)
    : capture_(capture) {
  const std::string& digest = model->identity().sha256;
  if (digest != capture.model.sha256) {
    fail(ErrorCode::mismatch, "{}: model digest: expected {} as captured, found {}", model->spec(),
         capture.model.sha256, digest);
  }
  check_shape(capture, *model);
  auto backend = plan.make_backend(plan.placement);
  auto weights = pool.weights(model, *backend);
  engine::SessionOptions options;
  options.n_positions = std::min(capture.n_prompt() + capture.n_generated(), model->config().n_context);
  session_ = std::make_unique<engine::Session>(std::move(weights), std::move(backend), options);
  mode_ = plan.mode.value_or(same_bits_promised(capture.placement, placement()) ? ReplayMode::free
                                                                                : ReplayMode::forced);
  request_ = capture.request;
  request_.max_new_tokens = std::min(request_.max_new_tokens, capture.n_generated());
  if (mode_ == ReplayMode::forced) {
    request_.forced_ids = capture.steps.generated_ids;
  }
  prepare_prefix();
}

Placement EngineReplay::placement() const {
  Placement actual = session_->placement();
  actual.precision = session_->weights()->precision;
  return actual;
}

std::int64_t EngineReplay::n_prompt_processed() const {
  return capture_.n_prompt() - std::ssize(prefix_);
}

void EngineReplay::prepare_prefix() {
  if (!session_->placement().kv_cache || capture_.n_cached == 0) {
    return;
  }
  prefix_.assign(capture_.request.prompt_ids.begin(),
                 capture_.request.prompt_ids.begin() + capture_.n_cached);
  if (capture_.kv && same_bits_promised(capture_.placement, placement())) {
    prefix_keys_ = capture_.kv->keys;
    prefix_values_ = capture_.kv->values;
    return;
  }
  session_->append(prefix_);
  prefix_keys_ = session_->cache().copy_keys(capture_.n_cached);
  prefix_values_ = session_->cache().copy_values(capture_.n_cached);
}

void EngineReplay::restore() {
  session_->restore(prefix_, prefix_keys_, prefix_values_);
}

const Verification& EngineReplay::verify() {
  verifier_ = std::make_unique<Verifier>(capture_, mode_, tolerance_between(capture_.placement, placement()));
  restore();
  engine::generate(*session_, request_, verifier_.get());
  verification_ = verifier_->verification();
  return verification_;
}

const Verification& EngineReplay::verification() const {
  REPRISE_CHECK(verifier_ != nullptr);
  return verification_;
}

Sample EngineReplay::run() {
  REPRISE_CHECK(verifier_ != nullptr);
  RepeatChecker checker(*verifier_);
  watch_.start();
  engine::GenerateResult result = engine::generate(*session_, request_, &checker);
  Sample sample;
  sample.conditions = watch_.stop();
  sample.total_seconds = result.total_seconds;
  sample.time_to_first_token_seconds = result.token_seconds.front();
  sample.token_seconds = std::move(result.token_seconds);
  sample.verified = verification_.agrees() && checker.same();
  return sample;
}

engine::GenerateResult EngineReplay::run_unobserved() {
  return engine::generate(*session_, request_);
}

engine::GenerateResult EngineReplay::run_observed(engine::KernelObserver& kernels,
                                                  engine::GenerateObserver& tokens) {
  session_->backend().observe(&kernels);
  engine::GenerateResult result;
  try {
    result = engine::generate(*session_, request_, &tokens);
  } catch (...) {
    session_->backend().observe(nullptr);
    throw;
  }
  session_->backend().observe(nullptr);
  return result;
}

}  // namespace reprise::harness
