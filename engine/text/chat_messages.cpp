// Messages and options of chats as JSON, in the shape of OpenAI's API.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "engine/core/error.h"
#include "engine/io/printable.h"
#include "engine/text/chat_template.h"
#include "engine/text/python_json.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::ordered_json;

std::string shown(const Json& value) {
  return value.is_string() ? fmt::format("'{}'", printable(value.get_ref<const std::string&>()))
                           : std::string(value.type_name());
}

[[noreturn]] void refuse(const std::string& field, std::string_view expected, std::string_view found) {
  fail(ErrorCode::invalid_argument, "{}: expected {}, found {}", field, expected, found);
}

const Json& checked_object(const Json& value, const std::string& field) {
  if (!value.is_object()) {
    refuse(field, "an object", value.type_name());
  }
  return value;
}

/// A member's text; nothing for one that is null or not there.
std::optional<std::string> text_or_nothing(const Json& object, const char* key, const std::string& field) {
  const auto at = object.find(key);
  if (at == object.end() || at->is_null()) {
    return std::nullopt;
  }
  if (!at->is_string()) {
    refuse(field + "." + key, "text", at->type_name());
  }
  return at->get<std::string>();
}

std::string role_of(const Json& message, const std::string& field) {
  const auto at = message.find("role");
  const std::string path = field + ".role";
  if (at == message.end()) {
    refuse(path, "one of system, user, assistant, tool", "none");
  }
  for (const char* role : {"system", "user", "assistant", "tool"}) {
    if (*at == role) {
      return role;
    }
  }
  if (*at == "developer") {
    return "system";
  }
  refuse(path, "one of system, user, assistant, tool", shown(*at));
}

std::string text_or_empty(const Json& object, const char* key, const std::string& field) {
  return text_or_nothing(object, key, field).value_or("");
}

/// Text, or the texts of all parts in a row. Only an assistant may say nothing: Qwen3's Jinja does not take a
/// user's null for a question, which "" is.
std::string content_of(const Json& message, const std::string& role, const std::string& field) {
  const auto at = message.find("content");
  const bool is_there = at != message.end();
  if (role != "assistant" && (!is_there || at->is_null())) {
    refuse(field + ".content", "text", is_there ? "null" : "none");
  }
  if (!is_there || !at->is_array()) {
    return text_or_empty(message, "content", field);
  }
  std::string text;
  for (std::size_t i = 0; i < at->size(); ++i) {
    const std::string path = fmt::format("{}.content[{}]", field, i);
    const Json& part = checked_object((*at)[i], path);
    const auto type = part.find("type");
    if (type == part.end() || *type != "text") {
      refuse(path + ".type", "'text'", type == part.end() ? "none" : shown(*type));
    }
    if (!part.contains("text")) {
      refuse(path + ".text", "text", "none");
    }
    text += text_or_empty(part, "text", path);
  }
  return text;
}

ToolCall call_of(const Json& value, const std::string& field) {
  checked_object(value, field);
  const auto at = value.find("function");
  if (at == value.end()) {
    refuse(field + ".function", "an object", "none");
  }
  const Json& function = checked_object(*at, field + ".function");
  ToolCall call{text_or_empty(value, "id", field), text_or_empty(function, "name", field + ".function"), ""};
  if (call.name.empty()) {
    refuse(field + ".function.name", "a name", "none");
  }
  const auto arguments = function.find("arguments");
  if (arguments != function.end() && arguments->is_object()) {
    call.arguments = to_python_json(*arguments);
  } else {
    call.arguments = text_or_empty(function, "arguments", field + ".function");
  }
  return call;
}

ChatMessage message_of(const Json& value, const std::string& field) {
  checked_object(value, field);
  ChatMessage message;
  message.role = role_of(value, field);
  message.content = content_of(value, message.role, field);
  message.reasoning = text_or_nothing(value, "reasoning_content", field);
  const auto calls = value.find("tool_calls");
  if (calls == value.end() || calls->is_null()) {
    return message;
  }
  const std::string path = field + ".tool_calls";
  if (!calls->is_array()) {
    refuse(path, "an array", calls->type_name());
  }
  if (message.role != "assistant" && !calls->empty()) {
    refuse(path, "none in a message of the role " + message.role, "some");
  }
  for (std::size_t i = 0; i < calls->size(); ++i) {
    message.tool_calls.push_back(call_of((*calls)[i], fmt::format("{}[{}]", path, i)));
  }
  return message;
}

bool boolean_of(const Json& value, const std::string& field) {
  if (!value.is_boolean()) {
    refuse(field, "true or false", shown(value));
  }
  return value.get<bool>();
}

}  // namespace

std::vector<ChatMessage> chat_messages_from_json(const Json& messages, const std::string& field) {
  if (!messages.is_array()) {
    refuse(field, "an array of messages", messages.type_name());
  }
  if (messages.empty()) {
    refuse(field, "at least one message", "none");
  }
  std::vector<ChatMessage> result;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    result.push_back(message_of(messages[i], fmt::format("{}[{}]", field, i)));
  }
  return result;
}

Json to_json(std::span<const ChatMessage> messages) {
  Json array = Json::array();
  for (const ChatMessage& message : messages) {
    Json& json = array.emplace_back();
    json["role"] = message.role;
    json["content"] = message.content;
    if (message.reasoning) {
      json["reasoning_content"] = *message.reasoning;
    }
    for (const ToolCall& call : message.tool_calls) {
      Json entry;
      if (!call.id.empty()) {
        entry["id"] = call.id;
      }
      entry["type"] = "function";
      entry["function"] = {{"name", call.name}, {"arguments", call.arguments}};
      json["tool_calls"].push_back(std::move(entry));
    }
  }
  return array;
}

ChatOptions chat_options_from_json(const Json& options, const std::string& field) {
  ChatOptions result;
  for (const auto& [key, value] : checked_object(options, field).items()) {
    const std::string path = field + "." + key;
    if (key == "add_generation_prompt") {
      result.add_generation_prompt = boolean_of(value, path);
    } else if (key == "enable_thinking") {
      result.enable_thinking = boolean_of(value, path);
    } else if (key == "tools") {
      if (!value.is_array()) {
        refuse(path, "an array of tools", value.type_name());
      }
      for (std::size_t i = 0; i < value.size(); ++i) {
        result.tools.push_back(to_python_json(checked_object(value[i], fmt::format("{}[{}]", path, i))));
      }
    } else {
      refuse(field, "the keys add_generation_prompt, enable_thinking and tools",
             fmt::format("'{}'", printable(key)));
    }
  }
  return result;
}

Json to_json(const ChatOptions& options) {
  Json json;
  json["add_generation_prompt"] = options.add_generation_prompt;
  json["enable_thinking"] = options.enable_thinking;
  json["tools"] = Json::array();
  for (const std::string& tool : options.tools) {
    json["tools"].push_back(Json::parse(tool));
  }
  return json;
}

}  // namespace reprise::engine
