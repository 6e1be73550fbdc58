#include "engine/generate/generate.h"

#include <algorithm>

#include "engine/core/check.h"
#include "engine/core/error.h"
#include "engine/core/monotonic.h"
#include "engine/generate/token_sampler.h"

namespace reprise::engine {
namespace {

void check_ids(const std::vector<TokenId>& ids, const char* field, std::int64_t n_vocab) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= n_vocab) {
      fail(ErrorCode::invalid_argument, "request: {}[{}]: expected a token id below {}, found {}", field, i,
           n_vocab, ids[i]);
    }
  }
}

void check_request(const Session& session, const GenerateRequest& request) {
  const std::int64_t n_vocab = session.model().config().n_vocab;
  if (request.prompt_ids.empty()) {
    fail(ErrorCode::invalid_argument, "request: prompt_ids: expected at least one token, found none");
  }
  check_ids(request.prompt_ids, "prompt_ids", n_vocab);
  check_ids(request.forced_ids, "forced_ids", n_vocab);
  if (request.prompt_ids.size() > static_cast<std::size_t>(session.n_positions())) {
    fail(ErrorCode::invalid_argument,
         "request: prompt_ids: expected at most {} tokens (the context), found {}", session.n_positions(),
         request.prompt_ids.size());
  }
  if (request.max_new_tokens < 1) {
    fail(ErrorCode::invalid_argument, "request: max_new_tokens: expected at least 1, found {}",
         request.max_new_tokens);
  }
  check(request.sampling);
}

void check_finite(const Session& session, std::span<const float> logits, std::int64_t position) {
  bool finite = true;
  for (const float logit : logits) {
    finite &= logit - logit == 0.0F;  // false for NaN and infinities; no branch, so it vectorises
  }
  if (!finite) {
    const std::string culprit = describe_non_finite(session.model());
    fail(ErrorCode::invalid_data, "{}: logits after position {}: expected finite values, found nan or inf{}",
         session.model().spec(), position, culprit.empty() ? "" : "; weight " + culprit);
  }
}

/// Seconds between tokens, less what the observer took.
class Stopwatch {
 public:
  double lap() {
    const double now = monotonic_seconds();
    const double seconds = now - start_;
    start_ = now;
    return seconds;
  }
  void restart() { start_ = monotonic_seconds(); }

 private:
  double start_ = monotonic_seconds();
};

/// Logits after `context`, of which `n_new` tokens at the end are not cached yet; empty when the observer wants
/// no more of them.
std::span<const float> step(Session& session, const std::vector<TokenId>& context, std::size_t n_new,
                            GenerateObserver* observer) {
  if (!session.placement().kv_cache) {
    session.truncate(0);
    n_new = context.size();
  }
  const auto chunk = static_cast<std::size_t>(session.decoder().max_tokens());
  for (std::span<const TokenId> rest = std::span(context).last(n_new);; rest = rest.subspan(chunk)) {
    if (observer != nullptr && !observer->wants_more()) {
      return {};
    }
    if (rest.size() <= chunk) {
      return session.backend().read(session.append(rest));
    }
    session.append(rest.first(chunk), LogitsOf::no_token);
  }
}

}  // namespace

std::string_view name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::eos:
      return "eos";
    case FinishReason::length:
      return "length";
    case FinishReason::context_full:
      return "context_full";
    case FinishReason::stopped:
      return "stopped";
  }
  REPRISE_CHECK(false && "finish reason outside its enumeration");
}

std::int64_t shared_prefix(const Session& session, const GenerateRequest& request) {
  if (!session.placement().kv_cache) {
    return 0;
  }
  const auto& cached = session.history();
  const auto& prompt = request.prompt_ids;
  // The last prompt token is always processed: its logits draw the first token.
  const std::size_t most = std::min(cached.size(), prompt.size() - 1);
  std::size_t n = 0;
  while (n < most && cached[n] == prompt[n]) {
    ++n;
  }
  return static_cast<std::int64_t>(n);
}

GenerateResult generate(Session& session, const GenerateRequest& request, GenerateObserver* observer) {
  check_request(session, request);
  GenerateResult result;
  std::vector<TokenId> context = request.prompt_ids;
  const auto limit = static_cast<std::size_t>(
      request.forced_ids.empty()
          ? request.max_new_tokens
          : std::min<std::int64_t>(request.max_new_tokens, std::ssize(request.forced_ids)));
  context.reserve(std::min(context.size() + limit, static_cast<std::size_t>(session.n_positions()) + 1));
  Stopwatch watch;
  result.n_cached = shared_prefix(session, request);
  result.n_prompt = std::ssize(context) - result.n_cached;
  session.truncate(result.n_cached);
  std::size_t n_new = static_cast<std::size_t>(result.n_prompt);
  while (true) {
    const std::span<const float> logits = step(session, context, n_new, observer);
    if (logits.empty()) {
      result.total_seconds += watch.lap();
      result.finish_reason = FinishReason::stopped;
      return result;
    }
    const std::int64_t position = std::ssize(context);
    check_finite(session, logits, position - 1);
    const TokenId drawn = sample_token(logits, context, request.sampling, position);
    const std::size_t index = result.generated_ids.size();
    const TokenId id = request.forced_ids.empty() ? drawn : request.forced_ids[index];
    const double seconds = watch.lap();
    result.generated_ids.push_back(id);
    result.token_seconds.push_back(seconds);
    result.total_seconds += seconds;
    if (observer != nullptr) {
      observer->on_token({static_cast<std::int64_t>(index), id, drawn, logits, seconds});
      watch.restart();
    }
    const bool is_eos =
        std::find(request.eos_ids.begin(), request.eos_ids.end(), id) != request.eos_ids.end();
    if (is_eos && request.forced_ids.empty()) {
      result.finish_reason = FinishReason::eos;
      return result;
    }
    if (result.generated_ids.size() == limit) {
      result.finish_reason = is_eos ? FinishReason::eos : FinishReason::length;
      return result;
    }
    if (std::ssize(context) == session.n_positions()) {
      result.finish_reason = FinishReason::context_full;
      return result;
    }
    context.push_back(id);
    n_new = 1;
  }
}

}  // namespace reprise::engine
