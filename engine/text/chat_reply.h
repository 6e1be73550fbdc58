/// Takes apart what an assistant writes: thinking (<think> ... </think>), the answer, and tool calls
/// (<tool_call>{"name": ..., "arguments": {...}}</tool_call>), while it streams. Used by the chat and the
/// HTTP server.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/chat_template.h"

namespace reprise::engine {

struct ChatReply {
  std::string reasoning;  ///< trimmed
  /// The answer, without thinking and without tool calls, trimmed at its start; white space that only stood
  /// beside tool calls is left out too.
  std::string content;
  std::vector<ToolCall>
      tool_calls;  ///< those whose JSON was whole; a broken one stays in content, markup included
};

/// Which markup a reply may hold. What is false is content like any other text.
struct ChatMarkup {
  bool thinking = true;
  bool tool_calls = true;
};

/// Thinking is what a reply begins with, and only there. However the text is cut into pieces, the reply is
/// the same, and the pieces that `on_text` gets for a part are that part of the reply.
class ChatReplyParser {
 public:
  enum class Part { reasoning, content };
  /// Gets text as soon as it cannot be the beginning of markup, or white space to be left out.
  using OnText = std::function<void(Part, std::string_view)>;

  explicit ChatReplyParser(OnText on_text = {}, ChatMarkup markup = {});

  void push(std::string_view text);
  /// What was held back belongs to the part it stood in; a tool call that was not closed is content.
  ChatReply finish();

 private:
  enum class State { start, reasoning, content, tool_call };
  /// Takes what it can from what is held; whether the state has changed, so that more can be taken.
  bool step();
  bool step_start();
  bool step_content();
  /// In a part that lasts until `mark`: whether that has come.
  bool step_part(Part part, std::string_view mark);
  bool step_tool_call();
  void emit(Part part, std::string_view text);

  OnText on_text_;
  ChatMarkup markup_;
  State state_ = State::start;
  std::string held_;
  std::string space_;        // before the tool call that is being read
  bool after_call_ = false;  // nothing but white space came since a tool call
  ChatReply reply_;
};

}  // namespace reprise::engine
