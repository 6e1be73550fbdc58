#include "engine/serve/conversation.h"

#include <algorithm>
#include <utility>

#include "engine/core/error.h"
#include "engine/serve/text_stream.h"
#include "engine/text/utf8.h"

namespace reprise::engine {
namespace {

CallCost cost_of(const GenerateResult& result) {
  CallCost cost{
      result.n_cached,     result.n_prompt, std::ssize(result.generated_ids), result.total_seconds, 0,
      result.finish_reason};
  if (!result.token_seconds.empty()) {
    cost.prefill_seconds = result.token_seconds.front();
    cost.decode_seconds = result.total_seconds - result.token_seconds.front();
  }
  return cost;
}

std::string result_of(const std::vector<ChatTool>& tools, const ToolCall& call) {
  const auto tool =
      std::find_if(tools.begin(), tools.end(), [&](const ChatTool& t) { return t.name == call.name; });
  if (tool == tools.end()) {
    return "error: no tool has this name";
  }
  try {
    return tool->call(call.arguments);
  } catch (const Error& error) {
    return std::string("error: ") + error.what();
  }
}

}  // namespace

CallRates rates_of(std::span<const CallCost> calls) {
  CallCost sum;
  std::int64_t n_decoded = 0;
  for (const CallCost& call : calls) {
    sum.n_processed += call.n_processed;
    sum.prefill_seconds += call.prefill_seconds;
    sum.decode_seconds += call.decode_seconds;
    n_decoded += std::max<std::int64_t>(call.n_generated - 1, 0);
  }
  const auto rate = [](std::int64_t n, double seconds) {
    return seconds > 0 ? static_cast<double>(n) / seconds : 0;
  };
  return {rate(sum.n_processed, sum.prefill_seconds), rate(n_decoded, sum.decode_seconds)};
}

Conversation::Conversation(Session& session, Tokenizer tokenizer, ChatTemplate chat_template,
                           ConversationOptions options, GenerateFunction generate_function)
    : session_(session),
      tokenizer_(std::move(tokenizer)),
      chat_template_(std::move(chat_template)),
      options_(std::move(options)),
      generate_(std::move(generate_function)),
      ends_(turn_ends(session.model().config(), tokenizer_, chat_template_)) {
  options_.system = replace_invalid_utf8(options_.system);
  clear();
  const ChatMessage any{"user", "", {}, {}};
  (void)chat_template_.render(std::span(&any, 1), chat_options());
}

void Conversation::clear() {
  messages_.clear();
  n_tokens_ = 0;
  if (!options_.system.empty()) {
    messages_.push_back({"system", options_.system, {}, {}});
  }
}

ChatOptions Conversation::chat_options() const {
  ChatOptions options{true, options_.thinking, {}};
  for (const ChatTool& tool : options_.tools) {
    options.tools.push_back(tool.description);
  }
  return options;
}

std::string Conversation::rendered() const {
  if (messages_.empty()) {
    return "";
  }
  ChatOptions options = chat_options();
  options.add_generation_prompt = false;
  return chat_template_.render(messages_, options);
}

ChatTurn Conversation::say(std::string text, const TurnEvents& events) {
  const std::size_t n_before = messages_.size();
  const std::int64_t n_tokens_before = n_tokens_;
  const auto withdraw = [&] {
    messages_.resize(n_before);
    n_tokens_ = n_tokens_before;
  };
  ChatTurn turn;
  try {
    messages_.push_back({"user", replace_invalid_utf8(text), {}, {}});
    call(turn, events);
    for (std::int64_t round = 0;
         !turn.was_cancelled && !turn.reply.tool_calls.empty() && !options_.tools.empty(); ++round) {
      if (round == options_.max_tool_rounds) {
        turn.hit_tool_limit = true;
        break;
      }
      answer_tool_calls(turn, events);
      call(turn, events);
    }
  } catch (...) {
    withdraw();
    throw;
  }
  if (turn.was_cancelled && turn.calls.size() == 1 && turn.calls.front().n_generated == 0) {
    withdraw();
    turn.was_withdrawn = true;
  }
  return turn;
}

void Conversation::call(ChatTurn& turn, const TurnEvents& events) {
  GenerateRequest request;
  request.prompt_ids = tokenizer_.encode(chat_template_.render(messages_, chat_options()));
  request.max_new_tokens = options_.max_new_tokens;
  request.eos_ids = ends_.eos_ids;
  request.sampling = options_.sampling;
  if (std::ssize(request.prompt_ids) > session_.n_positions()) {
    fail(ErrorCode::invalid_argument, "conversation: expected at most {} tokens (the context), found {}",
         session_.n_positions(), request.prompt_ids.size());
  }
  ChatReplyParser parser(events.on_text, reply_markup());
  TextStreamOptions text;
  text.stop_strings = ends_.stop_strings;
  text.eos_ids = ends_.eos_ids;
  text.on_text = [&](std::string_view piece) { parser.push(piece); };
  text.is_cancelled = events.is_cancelled;
  text.next = events.watcher == nullptr ? nullptr : events.watcher->begin(session_, request);
  TextStream stream(tokenizer_, std::move(text));
  const GenerateResult result = generate_(session_, request, &stream);
  stream.finish();
  if (events.watcher != nullptr) {
    events.watcher->end(session_, result);
  }
  turn.calls.push_back(cost_of(result));
  turn.was_cancelled = stream.was_cancelled();
  turn.reply = parser.finish();
  n_tokens_ =
      std::min(std::ssize(request.prompt_ids) + std::ssize(result.generated_ids), session_.n_positions());
  if (!result.generated_ids.empty()) {
    messages_.push_back(message_of(turn.reply));
  }
}

ChatMarkup Conversation::reply_markup() const {
  return {.thinking = chat_template_.knows_thinking() || chat_template_.writes_reasoning(),
          .tool_calls = !options_.tools.empty()};
}

ChatMessage Conversation::message_of(const ChatReply& reply) const {
  ChatMessage message{"assistant", reply.content, {}, reply.tool_calls};
  if (reply.reasoning.empty()) {
    return message;
  }
  if (chat_template_.writes_reasoning()) {
    message.reasoning = reply.reasoning;
  } else {
    message.content = "<think>\n" + reply.reasoning + "\n</think>\n\n" + reply.content;
  }
  return message;
}

void Conversation::answer_tool_calls(const ChatTurn& turn, const TurnEvents& events) {
  for (const ToolCall& call : turn.reply.tool_calls) {
    std::string result = result_of(options_.tools, call);
    if (events.on_tool_result) {
      events.on_tool_result(call, result);
    }
    messages_.push_back({"tool", std::move(result), {}, {}});
  }
}

}  // namespace reprise::engine
