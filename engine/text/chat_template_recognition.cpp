// Which template a Jinja text is. Digests are of the published bytes; shapes are for texts that differ in
// spacing, comments or a final newline. A shape must hold all that its template writes and nothing that
// another one does: a prompt that is nearly right makes a model quietly worse, an error does not.
#include <algorithm>
#include <initializer_list>

#include "engine/text/chat_families.h"

namespace reprise::engine::detail {
namespace {

struct KnownDigest {
  std::string_view sha256_hex;
  ChatTemplateKind kind;
};

constexpr KnownDigest kDigests[] = {
    {"87a2728cb8dc9fe424d624542f6060ec05a1d285ebbec578bb078900e33396b5", ChatTemplateKind::qwen3_first},
    {"a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8", ChatTemplateKind::qwen3_current},
    {"cd8e9439f0570856fd70470bf8889ebd8b5d1107207f67a5efb46e342330527f", ChatTemplateKind::qwen2_5},
    {"b48c47f6443892716176eb200bf4ef108f64e06ca26ed0fa8ebc0a4b3992fcb2", ChatTemplateKind::llama3},
    {"ba03a121d097859c7b5b9cd03af99aafe95275210d2876f642ad9929a150f122", ChatTemplateKind::llama3_current},
    {"4f57494cd38c0e4e50e27f4632fb6907414a68cc48d0bbc48da5449c596c69fa", ChatTemplateKind::minimind2},
};

bool has_all(std::string_view text, std::initializer_list<std::string_view> pieces) {
  return std::all_of(pieces.begin(), pieces.end(),
                     [&](std::string_view piece) { return text.find(piece) != std::string_view::npos; });
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> pieces) {
  return std::any_of(pieces.begin(), pieces.end(),
                     [&](std::string_view piece) { return text.find(piece) != std::string_view::npos; });
}

/// The text of a system message that the Jinja spells out between the marks of one: "" for none, nothing for
/// what cannot be read (two of them, or one that is put together).
std::optional<std::string> spelt_system(std::string_view jinja) {
  constexpr std::string_view kBefore = "<|im_start|>system";
  std::optional<std::string> found;
  for (std::size_t at = jinja.find(kBefore); at != std::string_view::npos; at = jinja.find(kBefore, at + 1)) {
    std::string_view rest = jinja.substr(at + kBefore.size());
    if (!rest.starts_with("\\n") && !rest.starts_with("\n")) {
      return std::nullopt;
    }
    rest.remove_prefix(rest.front() == '\n' ? 1 : 2);
    const std::string_view text = rest.substr(0, rest.find("<|im_end|>"));
    if (text.find_first_of("'\"{}\\") == std::string_view::npos && text.size() < rest.size()) {
      if (found) {
        return std::nullopt;
      }
      found = text;
    } else if (!rest.starts_with('\'') && !rest.starts_with('"')) {
      return std::nullopt;
    }
  }
  return found.value_or("");
}

constexpr std::string_view kToolCall = "<tool_call>\\n{\"name\": \"";

/// Later models' templates differ in where thinking stays: those conditions are part of the shape.
bool is_qwen3(std::string_view jinja) {
  return has_all(jinja, {"loop.index0 > ns.last_query_index %}",
                         "if loop.last or (not loop.last and reasoning_content) %}",
                         "enable_thinking is defined and enable_thinking is false %}",
                         "'<think>\\n\\n</think>\\n\\n'", "<tool_response>", "<tools>", kToolCall}) &&
         !has_any(jinja, {"trim", "replace(", "strftime", "bos_token", "eos_token", "preserve_thinking"});
}

bool is_qwen2_5(std::string_view jinja, std::string_view system) {
  return system == "You are Qwen, created by Alibaba Cloud. You are a helpful assistant." &&
         has_all(jinja, {"arguments | tojson", "and not message.tool_calls", "<tool_response>", "<tools>",
                         kToolCall});
}

std::optional<RecognisedTemplate> recognise_chatml(std::string_view jinja) {
  const std::optional<std::string> system = spelt_system(jinja);
  if (!system) {
    return std::nullopt;
  }
  if (system->empty() && is_qwen3(jinja)) {
    const bool current = has_all(jinja, {"message.content is string", "reasoning_content is string"});
    return RecognisedTemplate{current ? ChatTemplateKind::qwen3_current : ChatTemplateKind::qwen3_first, ""};
  }
  if (has_any(jinja, {"think", "strip", "trim", "replace(", "strftime", "bos_token", "eos_token"})) {
    return std::nullopt;
  }
  if (has_any(jinja, {"tool"})) {
    return is_qwen2_5(jinja, *system) ? std::optional(RecognisedTemplate{ChatTemplateKind::qwen2_5, ""})
                                      : std::nullopt;
  }
  // What asks for the place of a message writes some of them otherwise: Qwen1.5's ends its last turn only
  // under a condition.
  if (has_any(jinja, {"loop.last", "loop.index", "loop.revindex", "loop.length", "messages[-1]", "| last",
                      "|last", "| length", "|length"})) {
    return std::nullopt;
  }
  const bool has_other_system = has_any(jinja, {"You are ", "system_message"}) && system->empty();
  if (!has_all(jinja, {"add_generation_prompt", "assistant"}) || has_other_system ||
      has_any(jinja, {"raise_exception", "[INST]", "<|start_header_id|>"})) {
    return std::nullopt;
  }
  return RecognisedTemplate{ChatTemplateKind::chatml, *system};
}

std::optional<RecognisedTemplate> recognise_llama3(std::string_view jinja) {
  // Llama 3.1 and later write dates and tools.
  if (!has_all(jinja, {"<|end_header_id|>", "<|eot_id|>", "bos_token", "| trim"}) ||
      has_any(jinja, {"Cutting Knowledge Date", "tool", "ipython", "strftime", "raise_exception", "You are ",
                      "<|im_start|>", "think"})) {
    return std::nullopt;
  }
  const bool obeys = has_any(jinja, {"add_generation_prompt"});
  return RecognisedTemplate{obeys ? ChatTemplateKind::llama3_current : ChatTemplateKind::llama3, ""};
}

}  // namespace

std::optional<RecognisedTemplate> recognise_template(std::string_view jinja, std::string_view sha256_hex) {
  for (const KnownDigest& known : kDigests) {
    if (known.sha256_hex == sha256_hex) {
      return RecognisedTemplate{known.kind, ""};
    }
  }
  if (has_all(jinja, {"<|im_start|>", "<|im_end|>"})) {
    return recognise_chatml(jinja);
  }
  return has_any(jinja, {"<|start_header_id|>"}) ? recognise_llama3(jinja) : std::nullopt;
}

}  // namespace reprise::engine::detail
