/// A chat with a model: its messages, the template that makes prompts of them, one session whose cache
/// carries over from call to call, and tools. No terminal: the chat of the program stands on it.
///
/// Every call renders and tokenizes the whole conversation anew, and generate() processes what follows the
/// longest prefix of tokens that the session has cached. So the prompt is always the one that the template
/// writes, also where it leaves out earlier thinking, and only what that changed is processed again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/generate/generate.h"
#include "engine/serve/turn_ends.h"
#include "engine/text/chat_reply.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine {

/// What a model may call.
struct ChatTool {
  std::string name;
  std::string description;  ///< a JSON object, as in ChatOptions::tools
  /// Gets the arguments, a JSON object, and gives what the model is told. May throw Error: that is told.
  std::function<std::string(const std::string& arguments)> call;
};

struct ConversationOptions {
  std::string system{};  ///< empty: none
  bool thinking = true;
  SamplingParameters sampling{};
  std::int64_t max_new_tokens = 1024;  ///< of each call
  std::vector<ChatTool> tools{};
  std::int64_t max_tool_rounds = 8;  ///< calls in a turn that may be followed by another
};

/// What one generate call of a turn did.
struct CallCost {
  std::int64_t n_reused = 0;     ///< prompt tokens that were cached
  std::int64_t n_processed = 0;  ///< prompt tokens that were not
  std::int64_t n_generated = 0;
  double prefill_seconds = 0;  ///< until the first token, or until the call was stopped before it
  double decode_seconds = 0;   ///< all later tokens
  FinishReason finish_reason = FinishReason::length;
};

/// Tokens per second; 0 where no time or no token was measured. Of decoding: the tokens after each first one.
struct CallRates {
  double prefill = 0;
  double decode = 0;
};
CallRates rates_of(std::span<const CallCost> calls);

struct ChatTurn {
  std::vector<CallCost> calls;  ///< more than one where tools were called
  ChatReply reply;              ///< of the last call
  bool was_cancelled = false;
  bool was_withdrawn = false;  ///< cancelled before there was a token: the conversation is as it was before
  bool hit_tool_limit = false;
};

/// Sees the calls of a turn, to record them.
class CallWatcher {
 public:
  virtual ~CallWatcher() = default;
  /// Right before a call; what it returns sees the call's tokens, and may be null.
  virtual GenerateObserver* begin(const Session& session, const GenerateRequest& request) = 0;
  /// Right after it; not where the call threw.
  virtual void end(const Session& session, const GenerateResult& result) = 0;
};

/// What happens during a turn. Each may be empty.
struct TurnEvents {
  ChatReplyParser::OnText on_text{};
  std::function<void(const ToolCall&, std::string_view result)> on_tool_result{};
  std::function<bool()> is_cancelled{};  ///< asked before each forward pass
  CallWatcher* watcher = nullptr;
};

class Conversation {
 public:
  /// Tests put a function of their own in place of generate(), to have a reply that no small model would give.
  /// Errors: those of the template's render() for the tools.
  Conversation(Session& session, Tokenizer tokenizer, ChatTemplate chat_template, ConversationOptions options,
               GenerateFunction generate_function = generate);

  /// Says `text` as the user, and takes the reply, with the tools that it asks for. Thinking is taken apart
  /// where the template knows it, whatever set_thinking() asked of the model; calls, where there are tools.
  /// Errors: those of generate() and Tokenizer::encode; invalid_argument for a conversation that is longer
  /// than the session's context. The conversation is then as it was before.
  ChatTurn say(std::string text, const TurnEvents& events = {});

  /// Forgets all messages but the system's. What the session has cached stays, and is reused where it fits.
  void clear();
  void set_thinking(bool thinking) { options_.thinking = thinking; }

  [[nodiscard]] const std::vector<ChatMessage>& messages() const { return messages_; }
  /// As the next prompt will be rendered.
  [[nodiscard]] ChatOptions chat_options() const;
  [[nodiscard]] const ChatTemplate& chat_template() const { return chat_template_; }
  /// What the model has read and written; "" before there is a message.
  [[nodiscard]] std::string rendered() const;
  /// Tokens that the conversation takes so far, of n_positions().
  [[nodiscard]] std::int64_t n_tokens() const { return n_tokens_; }
  [[nodiscard]] std::int64_t n_positions() const { return session_.n_positions(); }

 private:
  /// One generate call and the assistant's message of it.
  void call(ChatTurn& turn, const TurnEvents& events);
  void answer_tool_calls(const ChatTurn& turn, const TurnEvents& events);
  /// What the template and the tools give the model to write.
  [[nodiscard]] ChatMarkup reply_markup() const;
  [[nodiscard]] ChatMessage message_of(const ChatReply& reply) const;

  Session& session_;
  Tokenizer tokenizer_;
  ChatTemplate chat_template_;
  ConversationOptions options_;
  GenerateFunction generate_;
  TurnEnds ends_;
  std::vector<ChatMessage> messages_;
  std::int64_t n_tokens_ = 0;
};

}  // namespace reprise::engine
