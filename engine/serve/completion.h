/// One request of a server while a slot works on it: text on its way from the slot's thread, which computes,
/// to the connection's, which writes. A slow client never holds a slot up, and one that is gone ends the
/// call.
///
/// Used by the HTTP server; knows neither JSON nor sockets.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/generate/generate.h"
#include "engine/serve/logprobs.h"
#include "engine/serve/slots.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine {

struct CompletionTask {
  GenerateRequest request;
  std::vector<std::string> stop_strings;
  std::optional<int> n_logprobs;  ///< likeliest tokens to tell of beside the drawn one; absent: none of it
};

/// Text, and the log-probabilities of the tokens drawn since the piece before.
struct CompletionPiece {
  std::string text;
  std::vector<TokenLogprobs> logprobs;
};

struct CompletionOutcome {
  GenerateResult result;
  bool found_stop_string = false;
  std::optional<Error> error;  ///< the call failed; what there was of it has been passed on
  /// After the last piece: tokens without text, such as the end of sequence.
  std::vector<TokenLogprobs> logprobs;
};

class Completion {
 public:
  Completion(CompletionTask task, Tokenizer tokenizer, GenerateFunction generate)
      : task_(std::move(task)), tokenizer_(std::move(tokenizer)), generate_(std::move(generate)) {}

  [[nodiscard]] const CompletionTask& task() const { return task_; }

  /// On the slot's thread; never throws.
  void run(Session& session);

  enum class Event : std::uint8_t { piece, done, nothing_yet };
  /// On the connection's thread: the next piece, in at most `patience_seconds`.
  Event next(CompletionPiece& piece, double patience_seconds);
  /// Ends the call before its next token, or before it begins.
  void cancel();
  /// After `done`.
  [[nodiscard]] const CompletionOutcome& outcome() const { return outcome_; }

 private:
  void pass_on(std::string_view text, const Logprobs* logprobs);
  std::vector<TokenLogprobs> new_logprobs(const Logprobs* logprobs);

  CompletionTask task_;
  Tokenizer tokenizer_;
  GenerateFunction generate_;
  std::size_t n_told_ = 0;  // log-probabilities passed on; the slot's thread alone

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<CompletionPiece> pieces_;
  bool done_ = false;
  bool cancelled_ = false;
  CompletionOutcome outcome_;
};

}  // namespace reprise::engine
