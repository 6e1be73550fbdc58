/// Between requests and slots: what was asked becomes a generate call in line for a slot, and its text comes
/// back until it is done, the client hangs up, it took too long, or the server stops. Used by
/// http_server.cpp.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "engine/serve/completion.h"
#include "engine/serve/http/completion_request.h"
#include "engine/serve/http/http_server.h"
#include "engine/serve/http/metrics.h"
#include "engine/text/chat_reply.h"

namespace reprise::engine {

/// The client of a request is not there any more: nobody is to be told.
struct ClientGone {};

class CompletionService;

/// A request in line or at work. Destroyed early, it gives its place or its slot back.
class RunningCompletion {
 public:
  RunningCompletion(CompletionService& service, std::shared_ptr<Completion> completion, double deadline);
  ~RunningCompletion();
  RunningCompletion(const RunningCompletion&) = delete;
  RunningCompletion& operator=(const RunningCompletion&) = delete;

  /// The next piece, or false when there are no more: then outcome() is there.
  /// Errors: ClientGone; ApiError 408 after the deadline, 503 when the server stops, and those of a failed
  /// call.
  bool next(CompletionPiece& piece, const std::function<bool()>& client_is_gone);
  [[nodiscard]] const CompletionOutcome& outcome() const { return completion_->outcome(); }

 private:
  /// Errors: ApiError 429 when the line is full, 503 when the server stops.
  Slots::Ticket enter_line();

  CompletionService& service_;
  std::shared_ptr<Completion> completion_;
  Slots::Ticket ticket_ = 0;
  double deadline_;
  bool done_ = false;
};

class CompletionService {
 public:
  /// Errors: those of Session.
  CompletionService(ServedModel model, const Placement& placement, const HttpServerOptions& options,
                    HttpServerHooks hooks, ServerMetrics& metrics);

  [[nodiscard]] const ServedModel& model() const { return model_; }
  [[nodiscard]] const Slots& slots() const { return slots_; }

  /// The seed of a request, drawn where it has none.
  [[nodiscard]] std::uint64_t seed_of(const CompletionFields& fields) const;
  /// The call that a request asks for. Errors: ApiError 400.
  [[nodiscard]] CompletionTask task_of(const TextCompletionRequest& request, std::uint64_t seed) const;
  [[nodiscard]] CompletionTask task_of(const ChatCompletionRequest& request, std::uint64_t seed) const;
  /// Errors: ApiError 429 when the line is full, 503 when the server stops.
  std::unique_ptr<RunningCompletion> start(CompletionTask task);

  /// What the reply to a request has beside its content: tool calls only where tools were offered.
  [[nodiscard]] ChatMarkup markup_of(const ChatCompletionRequest& request) const;

  /// Requests at work have so long to end by themselves.
  void stop(double grace_seconds);
  /// Until no request is in line or at work; after stop() that is the grace, at most.
  void wait_for_all();
  [[nodiscard]] bool is_stopping() const { return stop_at_ < kNever; }

 private:
  friend class RunningCompletion;
  static constexpr double kNever = 1e300;

  [[nodiscard]] CompletionTask task_of(const CompletionFields& fields, std::vector<TokenId> prompt,
                                       std::uint64_t seed) const;
  GenerateResult generate(Session& session, const GenerateRequest& request, GenerateObserver* observer);

  ServedModel model_;
  double max_seconds_;
  HttpServerHooks hooks_;
  ServerMetrics& metrics_;
  std::atomic<double> stop_at_{kNever};
  std::atomic<std::int64_t> n_running_{0};
  Slots slots_;  // last: its threads use the rest
};

}  // namespace reprise::engine
