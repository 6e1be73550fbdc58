#include "engine/text/chat_template.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "engine/core/check.h"
#include "engine/core/digest.h"
#include "engine/core/error.h"
#include "engine/io/json_text.h"
#include "engine/io/printable.h"
#include "engine/text/chat_families.h"

namespace reprise::engine {
namespace {

struct NamedKind {
  std::string_view name;
  ChatTemplateKind kind;
};

constexpr NamedKind kKinds[] = {
    {"qwen3", ChatTemplateKind::qwen3_current},
    {"qwen3-first", ChatTemplateKind::qwen3_first},
    {"qwen2.5", ChatTemplateKind::qwen2_5},
    {"llama3", ChatTemplateKind::llama3},
    {"llama3-current", ChatTemplateKind::llama3_current},
    {"chatml", ChatTemplateKind::chatml},
    {"minimind2", ChatTemplateKind::minimind2},
};

std::string names() {
  std::string list;
  for (const NamedKind& known : kKinds) {
    list.append(list.empty() ? "" : ", ").append(known.name);
  }
  return list;
}

bool is_llama3(ChatTemplateKind kind) {
  return kind == ChatTemplateKind::llama3 || kind == ChatTemplateKind::llama3_current;
}

detail::ChatMlStyle style_of(ChatTemplateKind kind, std::string_view default_system) {
  switch (kind) {
    case ChatTemplateKind::qwen3_first:
    case ChatTemplateKind::qwen3_current:
      // The two differ only in what they make of content that is no text, which messages here cannot hold.
      return {.tools = true, .drops_thinking = true, .empty_thinking = true};
    case ChatTemplateKind::qwen2_5:
      return {.default_system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
              .default_with_tools = true,
              .tools = true,
              .arguments_as_json = true};
    case ChatTemplateKind::minimind2:
      return {.default_system = "You are a helpful assistant", .tools = true, .empty_thinking = true};
    default:
      return {.default_system = default_system};
  }
}

void check_messages(std::span<const ChatMessage> messages) {
  constexpr std::array kRoles = {"system", "user", "assistant", "tool"};
  if (messages.empty()) {
    fail(ErrorCode::invalid_argument, "messages: expected at least one, found none");
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (std::find(kRoles.begin(), kRoles.end(), messages[i].role) == kRoles.end()) {
      fail(ErrorCode::invalid_argument, "messages[{}]: role: expected one of {}, found '{}'", i,
           fmt::join(kRoles, ", "), printable(messages[i].role));
    }
  }
}

void check_tools(const std::vector<std::string>& tools) {
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const std::string field = fmt::format("tools[{}]", i);
    nlohmann::json tool;
    try {
      tool = parse_json(tools[i], field);
    } catch (const Error& error) {
      fail(ErrorCode::invalid_argument, "{}", error.what());
    }
    if (!tool.is_object()) {
      fail(ErrorCode::invalid_argument, "{}: expected a JSON object, found {}", field, tool.type_name());
    }
  }
}

}  // namespace

ChatTemplate ChatTemplate::recognise(std::string_view jinja, const std::string& name) {
  const std::string digest = to_hex(sha256(std::as_bytes(std::span(jinja))));
  if (auto found = detail::recognise_template(jinja, digest); found) {
    return ChatTemplate(found->kind, std::move(found->default_system));
  }
  if (jinja.empty()) {
    fail(ErrorCode::unsupported,
         "{}: chat template: expected one, found none; choose with --chat-template {}", name, names());
  }
  fail(ErrorCode::unsupported,
       "{}: chat template: expected a known one, found SHA-256 {} ({} bytes); choose with --chat-template {}",
       name, digest, jinja.size(), names());
}

ChatTemplate ChatTemplate::named(std::string_view name) {
  for (const NamedKind& known : kKinds) {
    if (known.name == name) {
      return ChatTemplate(known.kind);
    }
  }
  fail(ErrorCode::invalid_argument, "chat template: expected one of {}, found '{}'", names(),
       printable(name));
}

std::string_view ChatTemplate::name() const {
  for (const NamedKind& known : kKinds) {
    if (known.kind == kind_) {
      return known.name;
    }
  }
  REPRISE_CHECK(false && "chat template outside its enumeration");
}

bool ChatTemplate::knows_thinking() const {
  return !is_llama3(kind_) && style_of(kind_, "").empty_thinking;
}

bool ChatTemplate::writes_reasoning() const {
  return !is_llama3(kind_) && style_of(kind_, "").drops_thinking;
}

bool ChatTemplate::knows_tools() const {
  return !is_llama3(kind_) && style_of(kind_, "").tools;
}

std::vector<std::string_view> ChatTemplate::end_of_turn() const {
  return {is_llama3(kind_) ? "<|eot_id|>" : "<|im_end|>"};
}

std::string ChatTemplate::render(std::span<const ChatMessage> messages, const ChatOptions& options) const {
  check_messages(messages);
  if (is_llama3(kind_)) {
    return detail::render_llama3(messages, options, kind_ == ChatTemplateKind::llama3);
  }
  check_tools(options.tools);
  return detail::render_chatml(messages, options, style_of(kind_, default_system_));
}

}  // namespace reprise::engine
