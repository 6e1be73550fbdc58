#include "engine/serve/http/completion_request.h"

#include <fmt/format.h>

#include <cmath>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/core/error.h"
#include "engine/io/json_text.h"
#include "engine/io/printable.h"
#include "engine/serve/http/api_error.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostStopStrings = 16;
constexpr std::size_t kMostStopBytes = 1024;  // a search for a longer one could hold a slot up
constexpr std::int64_t kMostLogprobs = 20;

std::string found(const Json& value) {
  return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 64);
}

[[noreturn]] void refuse_value(const std::string& field, std::string_view expected, const Json& value) {
  refuse(field, fmt::format("{}: expected {}, found {}", field, expected, found(value)));
}

/// A field that is there and not null.
const Json* given(const Json& body, const char* field) {
  const auto at = body.find(field);
  return at == body.end() || at->is_null() ? nullptr : &*at;
}

double number(const Json& body, const char* field, double fallback, double least, double most) {
  const Json* value = given(body, field);
  if (value == nullptr) {
    return fallback;
  }
  if (!value->is_number() || !(value->get<double>() >= least && value->get<double>() <= most)) {
    refuse_value(field, fmt::format("a number from {} to {}", least, most), *value);
  }
  return value->get<double>();
}

std::optional<std::int64_t> whole(const Json& body, const char* field, std::int64_t least,
                                  std::int64_t most) {
  const Json* value = given(body, field);
  if (value == nullptr) {
    return std::nullopt;
  }
  // An unsigned number above the signed range would wrap.
  const bool fits =
      value->is_number_integer() &&
      (!value->is_number_unsigned() || value->get<std::uint64_t>() <= static_cast<std::uint64_t>(most));
  if (!fits || value->get<std::int64_t>() < least || value->get<std::int64_t>() > most) {
    refuse_value(field, fmt::format("a whole number from {} to {}", least, most), *value);
  }
  return value->get<std::int64_t>();
}

bool flag(const Json& body, const char* field, bool fallback) {
  const Json* value = given(body, field);
  if (value == nullptr) {
    return fallback;
  }
  if (!value->is_boolean()) {
    refuse_value(field, "true or false", *value);
  }
  return value->get<bool>();
}

/// Fields that would change the answer in a way that this server does not know.
void refuse_unless(const Json& body, const char* field, std::initializer_list<Json> harmless,
                   std::string_view expected) {
  const Json* value = given(body, field);
  if (value == nullptr) {
    return;
  }
  for (const Json& same : harmless) {
    if (*value == same) {
      return;
    }
  }
  refuse_value(field, expected, *value);
}

std::optional<std::uint64_t> seed_of(const Json& body) {
  const Json* value = given(body, "seed");
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_number_integer()) {
    refuse_value("seed", "a whole number of 64 bits", *value);
  }
  // The API's seeds are signed; ours are their bits.
  return value->is_number_unsigned() ? value->get<std::uint64_t>()
                                     : static_cast<std::uint64_t>(value->get<std::int64_t>());
}

std::vector<std::string> stop_of(const Json& body) {
  const Json* value = given(body, "stop");
  std::vector<std::string> stop;
  if (value == nullptr) {
    return stop;
  }
  const Json list = value->is_string() ? Json::array({*value}) : *value;
  if (!list.is_array() || list.size() > kMostStopStrings) {
    refuse_value("stop", fmt::format("a text, or a list of at most {}", kMostStopStrings), *value);
  }
  for (const Json& entry : list) {
    if (!entry.is_string() || entry.get_ref<const std::string&>().empty() ||
        entry.get_ref<const std::string&>().size() > kMostStopBytes) {
      refuse_value("stop", fmt::format("texts of 1 to {} bytes", kMostStopBytes), *value);
    }
    stop.push_back(entry.get<std::string>());
  }
  return stop;
}

CompletionFields fields_of(const Json& body) {
  CompletionFields fields;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  fields.max_tokens = whole(body, "max_tokens", 1, kMost);
  auto& sampling = fields.sampling;
  sampling.temperature = static_cast<float>(number(body, "temperature", 1, 0, 100));
  sampling.top_p = static_cast<float>(number(body, "top_p", 1, 0, 1));
  if (sampling.top_p == 0) {
    sampling.top_p = std::numeric_limits<float>::min();  // the API's lowest: the likeliest token alone
  }
  sampling.min_p = static_cast<float>(number(body, "min_p", 0, 0, 1));
  sampling.top_k = whole(body, "top_k", 0, kMost).value_or(0);
  sampling.repetition_penalty = static_cast<float>(number(body, "repetition_penalty", 1, 0.01, 100));
  fields.seed = seed_of(body);
  fields.stop = stop_of(body);
  fields.stream = flag(body, "stream", false);
  if (const Json* options = given(body, "stream_options"); options != nullptr) {
    if (!options->is_object() || !fields.stream) {
      refuse_value("stream_options", "an object, with stream", *options);
    }
    fields.include_usage = flag(*options, "include_usage", false);
  }
  if (const Json* model = given(body, "model"); model != nullptr && !model->is_string()) {
    refuse_value("model", "a text", *model);
  }
  refuse_unless(body, "n", {1}, "1, all that this server gives");
  refuse_unless(body, "frequency_penalty", {0}, "0; repetition_penalty is what this server has");
  refuse_unless(body, "presence_penalty", {0}, "0; repetition_penalty is what this server has");
  refuse_unless(body, "logit_bias", {Json::object()}, "none");
  return fields;
}

Json object_of(std::string_view body) {
  try {
    Json json = parse_ordered_json(body, "body");
    if (!json.is_object()) {
      refuse_value("body", "a JSON object", json);
    }
    return json;
  } catch (const Error& error) {
    refuse("", error.what());
  }
}

std::vector<TokenId> ids_of(const Json& list) {
  std::vector<TokenId> ids;
  for (const Json& id : list) {
    constexpr std::int64_t kMost = std::numeric_limits<TokenId>::max();
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > static_cast<std::uint64_t>(kMost)) {
      refuse_value("prompt", "token ids", id);
    }
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

std::variant<std::string, std::vector<TokenId>> prompt_of(const Json& body) {
  const Json* prompt = given(body, "prompt");
  if (prompt == nullptr) {
    refuse("prompt", "prompt: expected a text or token ids, found neither");
  }
  if (prompt->is_array() && prompt->size() == 1 &&
      (prompt->front().is_string() || prompt->front().is_array())) {
    prompt = &prompt->front();
  }
  if (prompt->is_string()) {
    return prompt->get<std::string>();
  }
  if (!prompt->is_array() || prompt->empty() || !prompt->front().is_number()) {
    refuse_value("prompt", "one text, or one list of token ids", *prompt);
  }
  return ids_of(*prompt);
}

std::vector<std::string> tools_of(const Json& body) {
  std::vector<std::string> tools;
  const Json* list = given(body, "tools");
  if (list == nullptr) {
    return tools;
  }
  if (!list->is_array()) {
    refuse_value("tools", "a list", *list);
  }
  for (const Json& tool : *list) {
    const Json* function = tool.is_object() ? given(tool, "function") : nullptr;
    const Json* name = function != nullptr && function->is_object() ? given(*function, "name") : nullptr;
    if (name == nullptr || !name->is_string()) {
      refuse_value("tools", R"(objects {"type": "function", "function": {"name": ...}})", tool);
    }
    tools.push_back(tool.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return tools;
}

}  // namespace

TextCompletionRequest parse_text_completion(std::string_view text) {
  const Json body = object_of(text);
  TextCompletionRequest request{fields_of(body), prompt_of(body)};
  constexpr std::int64_t kTokensWhereNothingIsSaid = 16;  // the API's
  if (!request.fields.max_tokens) {
    request.fields.max_tokens = kTokensWhereNothingIsSaid;
  }
  if (const auto n = whole(body, "logprobs", 0, kMostLogprobs); n) {
    request.fields.n_logprobs = static_cast<int>(*n);
  }
  refuse_unless(body, "echo", {false}, "false");
  refuse_unless(body, "suffix", {""}, "none");
  refuse_unless(body, "best_of", {1}, "1");
  return request;
}

ChatCompletionRequest parse_chat_completion(std::string_view text) {
  const Json body = object_of(text);
  ChatCompletionRequest request{fields_of(body), {}, {}};
  if (const auto n = whole(body, "max_completion_tokens", 1, std::numeric_limits<std::int64_t>::max()); n) {
    request.fields.max_tokens = n;
  }
  const auto n_top = whole(body, "top_logprobs", 0, kMostLogprobs);
  if (flag(body, "logprobs", false)) {
    request.fields.n_logprobs = static_cast<int>(n_top.value_or(0));
  } else if (n_top) {
    refuse("top_logprobs", "top_logprobs: expected logprobs to be true beside it, found it false");
  }
  const Json* messages = given(body, "messages");
  if (messages == nullptr) {
    refuse("messages", "messages: expected a list, found none");
  }
  try {
    request.messages = chat_messages_from_json(*messages, "messages");
  } catch (const Error& error) {
    refuse("messages", error.what());
  }
  if (request.messages.empty()) {
    refuse("messages", "messages: expected at least one, found none");
  }
  const bool no_tools = given(body, "tool_choice") != nullptr && *given(body, "tool_choice") == "none";
  refuse_unless(body, "tool_choice", {"auto", "none"}, "\"auto\" or \"none\"");
  request.options.tools = tools_of(body);
  if (no_tools) {
    request.options.tools.clear();
  }
  refuse_unless(body, "response_format", {{{"type", "text"}}}, "{\"type\": \"text\"}");
  refuse_unless(body, "modalities", {Json::array({"text"})}, "[\"text\"]");
  refuse_unless(body, "parallel_tool_calls", {true}, "true");
  for (const char* unknown : {"functions", "function_call", "reasoning_effort", "prediction", "audio",
                              "web_search_options", "verbosity"}) {
    refuse_unless(body, unknown, {}, "none");
  }
  if (const Json* kwargs = given(body, "chat_template_kwargs"); kwargs != nullptr) {
    if (!kwargs->is_object()) {
      refuse_value("chat_template_kwargs", "an object", *kwargs);
    }
    for (const auto& [key, value] : kwargs->items()) {
      if (key != "enable_thinking") {
        refuse("chat_template_kwargs",
               fmt::format("chat_template_kwargs: expected enable_thinking alone, found {}", printable(key)));
      }
    }
    request.options.enable_thinking = flag(*kwargs, "enable_thinking", true);
  }
  return request;
}

}  // namespace reprise::engine
