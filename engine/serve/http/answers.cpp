#include "engine/serve/http/answers.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/text/chat_reply.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::ordered_json;
using Chunks = std::vector<std::string>;

void append(std::vector<TokenLogprobs>& to, std::vector<TokenLogprobs> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

class TextAnswer final : public Answer {
 public:
  explicit TextAnswer(AnswerOptions options) : options_(std::move(options)) {}

  Chunks take(CompletionPiece piece) override {
    text_ += piece.text;
    Chunks chunks = {text_chunk_json(options_.head, piece.text, piece.logprobs, options_.wants_logprobs, {})};
    append(logprobs_, std::move(piece.logprobs));
    return chunks;
  }
  Chunks end(const CompletionOutcome& outcome) override {
    Chunks chunks = {text_chunk_json(options_.head, "", outcome.logprobs, options_.wants_logprobs,
                                     finish_reason_of(outcome, false))};
    if (options_.include_usage) {
      chunks.push_back(usage_chunk_json(options_.head, false, outcome));
    }
    return chunks;
  }
  std::string body(const CompletionOutcome& outcome) override {
    append(logprobs_, outcome.logprobs);
    return text_completion_json(options_.head, text_, outcome, logprobs_, options_.wants_logprobs);
  }

 private:
  AnswerOptions options_;
  std::string text_;
  std::vector<TokenLogprobs> logprobs_;
};

class ChatAnswer final : public Answer {
 public:
  ChatAnswer(AnswerOptions options, ChatMarkup markup)
      : options_(std::move(options)),
        parser_([this](ChatReplyParser::Part part, std::string_view text) { take_text(part, text); },
                markup) {}

  Chunks begin() override { return {chunk({{"role", "assistant"}, {"content", ""}}, {}, {})}; }
  Chunks take(CompletionPiece piece) override {
    append(untold_, std::move(piece.logprobs));
    parser_.push(piece.text);
    return std::exchange(chunks_, {});
  }
  Chunks end(const CompletionOutcome& outcome) override {
    const ChatReply reply = finished();
    append(untold_, outcome.logprobs);
    if (!reply.tool_calls.empty()) {
      chunks_.push_back(chunk({{"tool_calls", tool_calls_json(reply.tool_calls, true)}}, {}, {}));
    }
    chunks_.push_back(chunk(Json::object(), untold_, finish_reason_of(outcome, !reply.tool_calls.empty())));
    if (options_.include_usage) {
      chunks_.push_back(usage_chunk_json(options_.head, true, outcome));
    }
    return std::exchange(chunks_, {});
  }
  std::string body(const CompletionOutcome& outcome) override {
    const ChatReply reply = finished();
    append(logprobs_, std::exchange(untold_, {}));
    append(logprobs_, outcome.logprobs);
    return chat_completion_json(options_.head, reply, outcome, logprobs_, options_.wants_logprobs);
  }

 private:
  std::string chunk(const Json& delta, std::span<const TokenLogprobs> logprobs,
                    std::optional<std::string_view> finish_reason) const {
    return chat_chunk_json(options_.head, delta, logprobs, options_.wants_logprobs, finish_reason);
  }
  void take_text(ChatReplyParser::Part part, std::string_view text) {
    const char* field = part == ChatReplyParser::Part::reasoning ? "reasoning_content" : "content";
    chunks_.push_back(chunk({{field, text}}, untold_, {}));
    append(logprobs_, std::exchange(untold_, {}));
  }
  ChatReply finished() {
    ChatReply reply = parser_.finish();
    for (std::size_t i = 0; i < reply.tool_calls.size(); ++i) {
      reply.tool_calls[i].id = fmt::format("call-{}-{}", options_.head.id, i);
    }
    return reply;
  }

  AnswerOptions options_;
  ChatReplyParser parser_;
  Chunks chunks_;
  std::vector<TokenLogprobs> logprobs_;
  std::vector<TokenLogprobs> untold_;  // of tokens whose text has not been passed on
};

}  // namespace

std::unique_ptr<Answer> make_text_answer(AnswerOptions options) {
  return std::make_unique<TextAnswer>(std::move(options));
}

std::unique_ptr<Answer> make_chat_answer(AnswerOptions options, ChatMarkup markup) {
  return std::make_unique<ChatAnswer>(std::move(options), markup);
}

}  // namespace reprise::engine
