#include "engine/serve/http/completion_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "engine/core/monotonic.h"
#include "engine/serve/http/api_error.h"

namespace reprise::engine {

RunningCompletion::RunningCompletion(CompletionService& service, std::shared_ptr<Completion> completion,
                                     double deadline)
    : service_(service), completion_(std::move(completion)), deadline_(deadline) {
  // Counted first: who stops the server either sees this request, or is seen by it.
  ++service_.n_running_;
  try {
    ticket_ = enter_line();
  } catch (...) {
    --service_.n_running_;
    throw;
  }
}

Slots::Ticket RunningCompletion::enter_line() {
  if (service_.is_stopping()) {
    throw ApiError(503, "server_error", "server: expected to take requests, found that it stops", "",
                   "stopping");
  }
  const auto ticket = service_.slots_.submit(completion_->task().request.prompt_ids,
                                             [completion = completion_](Session& s) { completion->run(s); });
  if (!ticket) {
    throw ApiError(429, "rate_limit_error",
                   fmt::format("line: expected room for one more request, found {} waiting; try again later",
                               service_.slots_.n_waiting()),
                   "", "queue_full");
  }
  return *ticket;
}

RunningCompletion::~RunningCompletion() {
  if (!done_) {
    completion_->cancel();
    service_.slots_.withdraw(ticket_);
  }
  --service_.n_running_;
}

bool RunningCompletion::next(CompletionPiece& piece, const std::function<bool()>& client_is_gone) {
  // How late a client that hung up while its prompt is processed is noticed, at most.
  constexpr double kLookEverySeconds = 0.05;
  while (true) {
    const Completion::Event event = completion_->next(piece, kLookEverySeconds);
    if (event == Completion::Event::done) {
      done_ = true;
      if (outcome().error) {
        throw api_error_of(*outcome().error);
      }
      return false;
    }
    if (client_is_gone()) {
      throw ClientGone();
    }
    const double now = monotonic_seconds();
    if (now > service_.stop_at_) {
      throw ApiError(503, "server_error", "server: expected to stay, found that it stops", "", "stopping");
    }
    if (now > deadline_) {
      throw ApiError(408, "timeout_error",
                     fmt::format("request: expected an answer within {:g} s, found it unfinished",
                                 service_.max_seconds_),
                     "", "timeout");
    }
    if (event == Completion::Event::piece) {
      return true;
    }
  }
}

CompletionService::CompletionService(ServedModel model, const Placement& placement,
                                     const HttpServerOptions& options, HttpServerHooks hooks,
                                     ServerMetrics& metrics)
    : model_(std::move(model)),
      max_seconds_(options.max_seconds),
      hooks_(std::move(hooks)),
      metrics_(metrics),
      slots_(model_.model, placement, options.slots) {}

std::uint64_t CompletionService::seed_of(const CompletionFields& fields) const {
  if (fields.seed) {
    return *fields.seed;
  }
  if (hooks_.draw_seed) {
    return hooks_.draw_seed();
  }
  std::random_device random;
  return (std::uint64_t{random()} << 32) | random();
}

CompletionTask CompletionService::task_of(const TextCompletionRequest& request, std::uint64_t seed) const {
  if (const auto* ids = std::get_if<std::vector<TokenId>>(&request.prompt)) {
    return task_of(request.fields, *ids, seed);
  }
  std::vector<TokenId> ids = model_.tokenizer.encode(std::get<std::string>(request.prompt));
  if (model_.bos) {
    ids.insert(ids.begin(), *model_.bos);
  }
  return task_of(request.fields, std::move(ids), seed);
}

CompletionTask CompletionService::task_of(const ChatCompletionRequest& request, std::uint64_t seed) const {
  if (!model_.chat) {
    refuse("messages", fmt::format("messages: {}", model_.why_no_chat));
  }
  if (!request.options.tools.empty() && !model_.chat->knows_tools()) {
    refuse("tools",
           fmt::format("tools: expected none, as the chat template {} has no place for them, found {}",
                       model_.chat->name(), request.options.tools.size()));
  }
  const std::string prompt = model_.chat->render(request.messages, request.options);
  CompletionTask task = task_of(request.fields, model_.tokenizer.encode(prompt), seed);
  task.request.eos_ids = model_.chat_ends.eos_ids;
  task.stop_strings.insert(task.stop_strings.end(), model_.chat_ends.stop_strings.begin(),
                           model_.chat_ends.stop_strings.end());
  return task;
}

CompletionTask CompletionService::task_of(const CompletionFields& fields, std::vector<TokenId> prompt,
                                          std::uint64_t seed) const {
  const std::int64_t n_prompt = std::ssize(prompt);
  const std::int64_t n_positions = slots_.n_positions();
  if (n_prompt == 0) {
    refuse("prompt", "prompt: expected at least one token, found none");
  }
  if (n_prompt > n_positions) {
    throw ApiError(
        400, "invalid_request_error",
        fmt::format("prompt: expected at most {} tokens (the context), found {}", n_positions, n_prompt),
        "prompt", "context_length_exceeded");
  }
  CompletionTask task;
  const std::int64_t room = n_positions - n_prompt + 1;
  task.request.max_new_tokens = std::min(fields.max_tokens.value_or(room), room);
  task.request.prompt_ids = std::move(prompt);
  task.request.eos_ids = model_.model->config().eos_ids;
  task.request.sampling = fields.sampling;
  task.request.sampling.seed = seed;
  task.stop_strings = fields.stop;
  task.n_logprobs = fields.n_logprobs;
  return task;
}

std::unique_ptr<RunningCompletion> CompletionService::start(CompletionTask task) {
  auto completion = std::make_shared<Completion>(
      std::move(task), model_.tokenizer,
      [this](Session& session, const GenerateRequest& request, GenerateObserver* observer) {
        return generate(session, request, observer);
      });
  return std::make_unique<RunningCompletion>(*this, std::move(completion),
                                             monotonic_seconds() + max_seconds_);
}

void CompletionService::stop(double grace_seconds) {
  double expected = kNever;
  stop_at_.compare_exchange_strong(expected, monotonic_seconds() + grace_seconds);
}

void CompletionService::wait_for_all() {
  // next() looks that often whether it is time, so nobody waits for long after the grace.
  while (n_running_ > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

ChatMarkup CompletionService::markup_of(const ChatCompletionRequest& request) const {
  return {.thinking = model_.chat && (model_.chat->knows_thinking() || model_.chat->writes_reasoning()),
          .tool_calls = !request.options.tools.empty()};
}

GenerateResult CompletionService::generate(Session& session, const GenerateRequest& request,
                                           GenerateObserver* observer) {
  const GenerateResult result = hooks_.generate ? hooks_.generate(session, request, observer)
                                                : engine::generate(session, request, observer);
  metrics_.count_call(result);
  return result;
}

}  // namespace reprise::engine
