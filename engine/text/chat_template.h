/// Chat templates: messages to the text that a model was trained on, as its own Jinja template renders them.
///
/// No Jinja runs here. A model's template is recognised (by its digest, or by its shape: the markup it
/// writes), and rendered by code that gives the same bytes. Known: Qwen3 in both published revisions,
/// Qwen2.5, Llama 3 in both of its own, MiniMind2, and ChatML with or without a default system message.
/// Used by the chat, the HTTP server and `reprise tokenize --chat`.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reprise::engine {

/// A call of a tool, as a model writes it and as messages carry it.
struct ToolCall {
  std::string id;  ///< of the API; templates do not write it
  std::string name;
  std::string arguments;  ///< JSON, an object

  bool operator==(const ToolCall&) const = default;
};

struct ChatMessage {
  std::string role;  ///< "system", "user", "assistant" or "tool"
  std::string content;
  /// What an assistant thought, without its markup; "" is no thought, and nothing: look in content.
  std::optional<std::string> reasoning{};
  std::vector<ToolCall> tool_calls;  ///< of an assistant

  bool operator==(const ChatMessage&) const = default;
};

struct ChatOptions {
  bool add_generation_prompt = true;  ///< end with the beginning of the assistant's turn
  bool enable_thinking = true;  ///< false: where the template knows it, thinking is over before it begins
  std::vector<std::string>
      tools{};  ///< JSON objects as the API has them: {"type": "function", "function": {...}}
};

/// `llama3` is the release's, which begins the assistant's turn whatever add_generation_prompt says;
/// `llama3_current` obeys it.
enum class ChatTemplateKind : std::uint8_t {
  qwen3_first,
  qwen3_current,
  qwen2_5,
  llama3,
  llama3_current,
  chatml,
  minimind2
};

class ChatTemplate {
 public:
  /// The one that the Jinja text of a model stands for. `name` of the model stands in messages.
  /// Errors: unsupported, naming digest and size of a template that is not known, and --chat-template.
  static ChatTemplate recognise(std::string_view jinja, const std::string& name);
  /// "qwen3", "qwen3-first", "qwen2.5", "llama3", "llama3-current", "chatml", "minimind2".
  /// Errors: invalid_argument, listing them.
  static ChatTemplate named(std::string_view name);

  [[nodiscard]] ChatTemplateKind kind() const { return kind_; }
  [[nodiscard]] std::string_view name() const;
  /// Whether enable_thinking changes what is rendered.
  [[nodiscard]] bool knows_thinking() const;
  /// Whether it writes ChatMessage::reasoning; where not, thinking is content like any other.
  [[nodiscard]] bool writes_reasoning() const;
  /// Whether it writes tools, calls of tools and their results; else those are left out.
  [[nodiscard]] bool knows_tools() const;
  /// Texts of the tokens that end an assistant's turn, such as "<|im_end|>".
  [[nodiscard]] std::vector<std::string_view> end_of_turn() const;

  /// The prompt, markup included, to be tokenized as it is; a begin token that the template writes is in it.
  /// Errors: invalid_argument for no messages, for a role that is none of the four, naming messages[i], and
  /// for a tool that is no JSON object, naming tools[i].
  [[nodiscard]] std::string render(std::span<const ChatMessage> messages, const ChatOptions& options) const;

 private:
  explicit ChatTemplate(ChatTemplateKind kind, std::string default_system = "")
      : kind_(kind), default_system_(std::move(default_system)) {}

  ChatTemplateKind kind_;
  std::string default_system_;  // of chatml, where the Jinja writes one
};

/// Messages in the shape of OpenAI's chat API: {"role", "content" (text or parts of type text; an assistant's
/// may be null or left out, which is ""), "reasoning_content" (text or null), "tool_calls": [{"id",
/// "function": {"name", "arguments" (text or object)}}]}. The role "developer" is that API's newer word for
/// "system". Arguments that are an object become text as Python's json.dumps writes it. Other keys are passed
/// over.
/// Errors: invalid_argument naming `field`, the index and what is wrong.
std::vector<ChatMessage> chat_messages_from_json(const nlohmann::ordered_json& messages,
                                                 const std::string& field);

/// The opposite: the same shape again, without what is not there.
nlohmann::ordered_json to_json(std::span<const ChatMessage> messages);

/// {"add_generation_prompt", "enable_thinking", "tools"}, all of them optional.
/// Errors: invalid_argument naming `field` and the key that is not known or has another type.
ChatOptions chat_options_from_json(const nlohmann::ordered_json& options, const std::string& field);
nlohmann::ordered_json to_json(const ChatOptions& options);

}  // namespace reprise::engine
