#include "engine/serve/completion.h"

#include <chrono>

#include "engine/serve/text_stream.h"

namespace reprise::engine {

void Completion::run(Session& session) {
  std::optional<Logprobs> logprobs;
  if (task_.n_logprobs) {
    logprobs.emplace(*task_.n_logprobs);
  }
  const Logprobs* told = logprobs ? &*logprobs : nullptr;
  CompletionOutcome outcome;
  try {
    TextStreamOptions options;
    options.stop_strings = task_.stop_strings;
    options.eos_ids = task_.request.eos_ids;
    options.skip_special = true;
    options.on_text = [&](std::string_view text) { pass_on(text, told); };
    options.is_cancelled = [&] {
      const std::lock_guard lock(mutex_);
      return cancelled_;
    };
    options.next = logprobs ? &*logprobs : nullptr;
    TextStream stream(tokenizer_, std::move(options));
    outcome.result = generate_(session, task_.request, &stream);
    stream.finish();
    outcome.found_stop_string = stream.found_stop_string();
    outcome.logprobs = new_logprobs(told);
  } catch (const Error& error) {
    outcome.error = error;
  } catch (const std::bad_alloc&) {
    outcome.error =
        Error(ErrorCode::out_of_memory, "memory: expected enough for this request, found too little");
  } catch (const std::exception& error) {
    outcome.error = Error(ErrorCode::io, error.what());
  }
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  done_ = true;
  changed_.notify_all();
}

Completion::Event Completion::next(CompletionPiece& piece, double patience_seconds) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::duration<double>(patience_seconds),
                    [&] { return done_ || !pieces_.empty(); });
  if (!pieces_.empty()) {
    piece = std::move(pieces_.front());
    pieces_.pop_front();
    return Event::piece;
  }
  return done_ ? Event::done : Event::nothing_yet;
}

void Completion::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
}

void Completion::pass_on(std::string_view text, const Logprobs* logprobs) {
  CompletionPiece piece{std::string(text), new_logprobs(logprobs)};
  const std::lock_guard lock(mutex_);
  pieces_.push_back(std::move(piece));
  changed_.notify_all();
}

std::vector<TokenLogprobs> Completion::new_logprobs(const Logprobs* logprobs) {
  if (logprobs == nullptr) {
    return {};
  }
  const auto first = logprobs->steps().begin() + static_cast<std::ptrdiff_t>(n_told_);
  n_told_ = logprobs->steps().size();
  return {first, logprobs->steps().end()};
}

}  // namespace reprise::engine
