#include "engine/capture/recorder.h"

#include <algorithm>
#include <numeric>

#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/core/fixed_math.h"

namespace reprise::engine {
namespace {

CapturedModel describe(const Model& model, std::string tokenizer_sha256) {
  CapturedModel captured;
  captured.spec = model.spec();
  captured.name = model.name();
  captured.architecture = model.config().architecture;
  captured.sha256 = model.identity().sha256;
  for (const auto& [name, sha256] : model.identity().files) {
    captured.files.push_back({name, sha256});
  }
  captured.config_json = model.config_json();
  captured.parameters = model.config().n_parameters();
  captured.tokenizer_sha256 = std::move(tokenizer_sha256);
  return captured;
}

CapturedKv copy_kv(const Session& session, std::int64_t n_cached) {
  const ModelConfig& config = session.model().config();
  return {session.cache().dtype(),
          config.n_layers,
          config.n_kv_heads,
          config.head_dim,
          session.cache().copy_keys(n_cached),
          session.cache().copy_values(n_cached)};
}

void digest_rows(CapturedSteps& steps, std::vector<float>& rows, std::size_t n_vocab) {
  for (std::size_t row = 0; row < rows.size(); row += n_vocab) {
    append_step(steps, std::span(rows).subspan(row, n_vocab));
  }
  rows.clear();
}

}  // namespace

double logsumexp(std::span<const float> logits) {
  const auto highest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) {
    sum += fixed_exp(static_cast<double>(logit) - highest);
  }
  return highest + fixed_log(sum);
}

void append_step(CapturedSteps& steps, std::span<const float> logits) {
  std::vector<TokenId> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto n_top = std::min<std::int64_t>(steps.n_top, std::ssize(logits));
  const auto larger = [&](TokenId a, TokenId b) {
    const float x = logits[static_cast<std::size_t>(a)];
    const float y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + std::max<std::int64_t>(n_top, 1), order.end(), larger);
  for (std::int64_t i = 0; i < n_top; ++i) {
    const TokenId id = order[static_cast<std::size_t>(i)];
    steps.top_ids.push_back(id);
    steps.top_logits.push_back(logits[static_cast<std::size_t>(id)]);
  }
  steps.logits_digests.push_back(xxh3_64(std::as_bytes(logits)));
  steps.logsumexp.push_back(logsumexp(logits));
}

Recorder::Recorder(const Session& session, const GenerateRequest& request, RecorderOptions options)
    : request_(request), options_(options) {
  n_vocab_ = static_cast<std::size_t>(session.model().config().n_vocab);
  steps_.n_top = std::min(options.n_top, session.model().config().n_vocab);
  const std::size_t most = options.row_budget_bytes / sizeof(float) / n_vocab_;
  const auto steps = static_cast<std::size_t>(std::max<std::int64_t>(request.max_new_tokens, 1));
  try {
    rows_.reserve(std::min(most, steps) * n_vocab_);
  } catch (const std::bad_alloc&) {
    rows_.clear();  // no room for copies: every step is digested in the loop
  }
}

void Recorder::on_token(const TokenEvent& event) {
  if (!problem_.empty()) {
    return;
  }
  try {
    steps_.generated_ids.push_back(event.id);
    steps_.token_seconds.push_back(event.seconds);
    if (rows_.capacity() - rows_.size() >= event.logits.size()) {
      rows_.insert(rows_.end(), event.logits.begin(), event.logits.end());
      return;
    }
    digest_rows(steps_, rows_, n_vocab_);
    append_step(steps_, event.logits);
  } catch (const std::exception& error) {
    problem_ = error.what();
  }
}

std::optional<RecordedCall> Recorder::detach(const Session& session, const GenerateResult& result) {
  try {
    if (problem_.empty() && steps_.generated_ids != result.generated_ids) {
      problem_ = "the recorder did not see the whole call";
    }
    if (problem_.empty() && result.generated_ids.empty()) {
      problem_ = "the call was stopped before its first token";
    }
    if (!problem_.empty()) {
      return std::nullopt;
    }
    RecordedCall call;
    Capture& capture = call.capture;
    capture.request = std::move(request_);
    capture.n_cached = result.n_cached;
    if (options_.kv_rows && result.n_cached > 0) {
      capture.kv = copy_kv(session, result.n_cached);
    }
    capture.steps = std::move(steps_);
    capture.finish_reason = result.finish_reason;
    if (result.finish_reason == FinishReason::stopped) {
      capture.request.max_new_tokens = capture.n_generated();
      capture.finish_reason = FinishReason::length;
    }
    capture.placement = session.placement();
    capture.placement.precision = session.weights()->precision;
    call.rows = std::move(rows_);
    call.model = session.weights()->model;
    return call;
  } catch (const std::exception& error) {
    problem_ = error.what();
    return std::nullopt;
  }
}

std::size_t Recorder::bytes_to_detach(const Session& session, const GenerateResult& result) const {
  const ModelConfig& config = session.model().config();
  const std::int64_t n_rows = options_.kv_rows ? config.n_layers * config.n_kv_heads * result.n_cached : 0;
  return (rows_.size() * sizeof(float)) +
         (2 * static_cast<std::size_t>(n_rows) * bytes_of(session.cache().dtype(), config.head_dim)) +
         (request_.prompt_ids.size() * sizeof(TokenId));
}

Capture complete(RecordedCall call, CaptureOrigin origin, std::string tokenizer_sha256) {
  Capture capture = std::move(call.capture);
  digest_rows(capture.steps, call.rows, static_cast<std::size_t>(call.model->config().n_vocab));
  capture.model = describe(*call.model, std::move(tokenizer_sha256));
  capture.origin = std::move(origin);
  return capture;
}

std::optional<Capture> Recorder::finish(const Session& session, const GenerateResult& result,
                                        CaptureOrigin origin, std::string tokenizer_sha256) {
  try {
    auto call = detach(session, result);
    return call ? std::optional(complete(std::move(*call), std::move(origin), std::move(tokenizer_sha256)))
                : std::nullopt;
  } catch (const std::exception& error) {
    problem_ = error.what();
    return std::nullopt;
  }
}

}  // namespace reprise::engine
