#include "engine/capture/trim.h"

#include <algorithm>

#include "engine/core/error.h"

namespace reprise::engine {
namespace {

void note_trimmed(Capture& capture) {
  if (!capture.origin.policy.ends_with(", trimmed")) {
    capture.origin.policy += ", trimmed";
  }
}

}  // namespace

Capture trimmed(Capture capture, std::int64_t max_new_tokens) {
  if (max_new_tokens < 1 || max_new_tokens > capture.n_generated()) {
    fail(ErrorCode::invalid_argument, "max_new_tokens: expected 1 to {}, the tokens generated, found {}",
         capture.n_generated(), max_new_tokens);
  }
  if (max_new_tokens < capture.n_generated()) {
    capture.finish_reason = FinishReason::length;
  }
  CapturedSteps& steps = capture.steps;
  const auto n = static_cast<std::size_t>(max_new_tokens);
  const std::size_t n_top = n * static_cast<std::size_t>(steps.n_top);
  steps.generated_ids.resize(n);
  steps.logits_digests.resize(n);
  steps.top_ids.resize(n_top);
  steps.top_logits.resize(n_top);
  steps.logsumexp.resize(n);
  steps.token_seconds.resize(n);
  capture.request.max_new_tokens = std::min(capture.request.max_new_tokens, max_new_tokens);
  capture.id.clear();
  note_trimmed(capture);
  return capture;
}

Capture without_kv(Capture capture) {
  capture.kv.reset();
  capture.id.clear();
  note_trimmed(capture);
  return capture;
}

}  // namespace reprise::engine
