// Source: the chat templates that Qwen3, Qwen2.5 and MiniMind2 are published with (tokenizer_config.json).
#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "engine/io/json_text.h"
#include "engine/text/chat_families.h"
#include "engine/text/python_json.h"

namespace reprise::engine::detail {
namespace {

constexpr std::string_view kToolsBefore =
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with "
    "function signatures within <tools></tools> XML tags:\n<tools>";
constexpr std::string_view kToolsAfter =
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
    "<tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": "
    "<args-json-object>}\n</tool_call>";
constexpr std::string_view kThinkBegin = "<think>";
constexpr std::string_view kThinkEnd = "</think>";

std::string_view without_newlines_before(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
  return text;
}

std::string_view without_newlines_after(std::string_view text) {
  return text.substr(0, text.find_last_not_of('\n') + 1);
}

std::string_view before_first(std::string_view text, std::string_view mark) {
  return text.substr(0, text.find(mark));
}

std::string_view after_last(std::string_view text, std::string_view mark) {
  const std::size_t at = text.rfind(mark);
  return at == std::string_view::npos ? text : text.substr(at + mark.size());
}

void append_message(std::string& out, std::string_view role, std::string_view content) {
  out.append("<|im_start|>").append(role).append("\n").append(content).append("<|im_end|>\n");
}

/// The system's turn, which also describes the tools.
void append_head(std::string& out, std::span<const ChatMessage> messages, const ChatOptions& options,
                 const ChatMlStyle& style) {
  const bool has_system = messages.front().role == "system";
  const bool has_tools = style.tools && !options.tools.empty();
  std::string system = has_system ? messages.front().content : "";
  if (!has_system && (!has_tools || style.default_with_tools)) {
    system = style.default_system;
  }
  if (has_tools) {
    // An empty system message still has its blank line; none at all has none.
    if (has_system || !system.empty()) {
      system += "\n\n";
    }
    system += kToolsBefore;
    for (const std::string& tool : options.tools) {
      system += "\n" + to_python_json(nlohmann::ordered_json::parse(tool));
    }
    system += kToolsAfter;
  }
  if (has_system || !system.empty()) {
    append_message(out, "system", system);
  }
}

/// The last message in which the user asked something: results of tools come in the user's name too. Where
/// there is none, the last message of all.
std::size_t last_query(std::span<const ChatMessage> messages) {
  for (std::size_t i = messages.size(); i-- > 0;) {
    const std::string& content = messages[i].content;
    if (messages[i].role == "user" &&
        !(content.starts_with("<tool_response>") && content.ends_with("</tool_response>"))) {
      return i;
    }
  }
  return messages.size() - 1;
}

std::string written_arguments(const std::string& arguments, const ChatMlStyle& style) {
  if (!style.arguments_as_json) {
    return arguments;
  }
  try {
    return to_python_json(parse_ordered_json(arguments, "arguments"));
  } catch (const Error&) {
    return arguments;  // what a model wrote, perhaps, and as it wrote it
  }
}

void append_assistant(std::string& out, const ChatMessage& message, bool after_query, bool is_last,
                      const ChatMlStyle& style) {
  std::string_view content = message.content;
  std::string_view reasoning = message.reasoning ? std::string_view(*message.reasoning) : "";
  if (style.drops_thinking && !message.reasoning && content.find(kThinkEnd) != std::string_view::npos) {
    reasoning = without_newlines_before(
        after_last(without_newlines_after(before_first(content, kThinkEnd)), kThinkBegin));
    content = without_newlines_before(after_last(content, kThinkEnd));
  }
  out += "<|im_start|>assistant\n";
  if (style.drops_thinking && after_query && (is_last || !reasoning.empty())) {
    out.append("<think>\n").append(without_newlines_after(without_newlines_before(reasoning)));
    out.append("\n</think>\n\n").append(without_newlines_before(content));
  } else {
    out += content;
  }
  if (style.tools) {
    bool on_new_line = !content.empty();
    for (const ToolCall& call : message.tool_calls) {
      out.append(on_new_line ? "\n" : "").append("<tool_call>\n{\"name\": \"").append(call.name);
      out.append("\", \"arguments\": ").append(written_arguments(call.arguments, style));
      out.append("}\n</tool_call>");
      on_new_line = true;
    }
  }
  out += "<|im_end|>\n";
}

/// Results that follow one another share a turn.
void append_tool_result(std::string& out, std::span<const ChatMessage> messages, std::size_t i) {
  if (i == 0 || messages[i - 1].role != "tool") {
    out += "<|im_start|>user";
  }
  out.append("\n<tool_response>\n").append(messages[i].content).append("\n</tool_response>");
  if (i + 1 == messages.size() || messages[i + 1].role != "tool") {
    out += "<|im_end|>\n";
  }
}

}  // namespace

std::string render_chatml(std::span<const ChatMessage> messages, const ChatOptions& options,
                          const ChatMlStyle& style) {
  std::string out;
  append_head(out, messages, options, style);
  const std::size_t query = last_query(messages);
  for (std::size_t i = messages.front().role == "system" ? 1 : 0; i < messages.size(); ++i) {
    const ChatMessage& message = messages[i];
    if (message.role == "assistant") {
      append_assistant(out, message, i > query, i + 1 == messages.size(), style);
    } else if (message.role == "tool" && style.tools) {
      append_tool_result(out, messages, i);
    } else {
      append_message(out, message.role, message.content);
    }
  }
  if (options.add_generation_prompt) {
    out += "<|im_start|>assistant\n";
    if (style.empty_thinking && !options.enable_thinking) {
      out += "<think>\n\n</think>\n\n";
    }
  }
  return out;
}

}  // namespace reprise::engine::detail
