/// How the families of chat templates write messages. Used by chat_template.cpp alone, which chooses.
#pragma once

#include <string>
#include <string_view>

#include "engine/text/chat_template.h"

namespace reprise::engine::detail {

/// What distinguishes the templates that write <|im_start|>role ... <|im_end|>.
struct ChatMlStyle {
  std::string_view default_system{};  ///< written where the messages begin with none; empty: none
  bool default_with_tools = false;    ///< also where tools are described
  bool tools = false;           ///< describes tools, writes calls of them and puts results into a user's turn
  bool drops_thinking = false;  ///< an assistant's thinking is written only after the last question
  bool empty_thinking = false;  ///< without enable_thinking, the assistant's turn begins with no thought
  bool arguments_as_json = false;  ///< arguments are written anew, however their text is spaced
};

/// Qwen2.5, Qwen3, MiniMind2 and plain ChatML. `tools` of the options is valid JSON.
std::string render_chatml(std::span<const ChatMessage> messages, const ChatOptions& options,
                          const ChatMlStyle& style);

/// Llama 3. `always_prompts`: the assistant's turn is begun whatever the options say.
std::string render_llama3(std::span<const ChatMessage> messages, const ChatOptions& options,
                          bool always_prompts);

/// What a template's text says about which one it is.
struct RecognisedTemplate {
  ChatTemplateKind kind;
  std::string default_system;
};

/// By SHA-256 of `jinja` (64 hexadecimal digits), then by its shape; nothing where that is doubtful.
std::optional<RecognisedTemplate> recognise_template(std::string_view jinja, std::string_view sha256_hex);

}  // namespace reprise::engine::detail
