// Source: the chat template of Meta-Llama-3-Instruct (tokenizer_config.json), as released and as it is now.
#include "engine/text/chat_families.h"
#include "engine/text/utf8.h"

namespace reprise::engine::detail {
namespace {

/// What Python's str.strip takes: Unicode's white space, and four separators of ASCII.
bool is_python_space(std::uint32_t code_point) {
  return is_white_space(code_point) || (code_point >= 0x1c && code_point <= 0x1f);
}

std::string_view stripped(std::string_view text) {
  while (!text.empty()) {
    const Utf8Step step = first_utf8_step(text);
    if (step.kind != Utf8Kind::character || !is_python_space(step.code_point)) {
      break;
    }
    text.remove_prefix(step.size);
  }
  std::size_t end = 0;  // after the last character that is no space
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = first_utf8_step(text.substr(at));
    at += step.size;
    if (step.kind != Utf8Kind::character || !is_python_space(step.code_point)) {
      end = at;
    }
  }
  return text.substr(0, end);
}

}  // namespace

std::string render_llama3(std::span<const ChatMessage> messages, const ChatOptions& options,
                          bool always_prompts) {
  std::string out = "<|begin_of_text|>";
  for (const ChatMessage& message : messages) {
    out.append("<|start_header_id|>").append(message.role).append("<|end_header_id|>\n\n");
    out.append(stripped(message.content)).append("<|eot_id|>");
  }
  if (options.add_generation_prompt || always_prompts) {
    out += "<|start_header_id|>assistant<|end_header_id|>\n\n";
  }
  return out;
}

}  // namespace reprise::engine::detail
