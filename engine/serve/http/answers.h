/// Answers of the completion APIs while their text comes: collected into one body, or translated into the
/// chunks of a stream. Used by http_server.cpp; knows no sockets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/serve/completion.h"
#include "engine/serve/http/completion_response.h"
#include "engine/text/chat_reply.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine {

class Answer {
 public:
  virtual ~Answer() = default;

  /// JSON texts of the chunks to send, in order.
  virtual std::vector<std::string> begin() { return {}; }
  virtual std::vector<std::string> take(CompletionPiece piece) = 0;
  virtual std::vector<std::string> end(const CompletionOutcome& outcome) = 0;
  /// The whole body, after the last piece; instead of end().
  virtual std::string body(const CompletionOutcome& outcome) = 0;
};

struct AnswerOptions {
  AnswerHead head;
  const Tokenizer* wants_logprobs = nullptr;  ///< null: none
  bool include_usage = false;
};

std::unique_ptr<Answer> make_text_answer(AnswerOptions options);
/// `markup`: what of a reply is not its content.
std::unique_ptr<Answer> make_chat_answer(AnswerOptions options, ChatMarkup markup);

}  // namespace reprise::engine
