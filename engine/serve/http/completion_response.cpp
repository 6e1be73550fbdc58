#include "engine/serve/http/completion_response.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "engine/text/utf8.h"

namespace reprise::engine {
namespace {

using Json = nlohmann::ordered_json;

Json head_json(const AnswerHead& head, const char* object) {
  Json json;
  json["id"] = head.id;
  json["object"] = object;
  json["created"] = head.created;
  json["model"] = head.model;
  json["system_fingerprint"] = head.fingerprint;
  return json;
}

Json usage_json(const GenerateResult& result) {
  const std::int64_t n_prompt = result.n_cached + result.n_prompt;
  const std::int64_t n_generated = std::ssize(result.generated_ids);
  Json usage;
  usage["prompt_tokens"] = n_prompt;
  usage["completion_tokens"] = n_generated;
  usage["total_tokens"] = n_prompt + n_generated;
  usage["prompt_tokens_details"]["cached_tokens"] = result.n_cached;
  return usage;
}

/// What this engine can say beyond the API.
Json extension_json(const AnswerHead& head, const GenerateResult& result) {
  Json json;
  json["seed"] = std::to_string(head.seed);  // JavaScript's numbers end at 2^53
  json["total_seconds"] = result.total_seconds;
  json["time_to_first_token_seconds"] =
      result.token_seconds.empty() ? Json(nullptr) : Json(result.token_seconds.front());
  return json;
}

std::string bytes_of(const Tokenizer& tokenizer, TokenId id) {
  return tokenizer.contains(id) ? std::string(tokenizer.token_bytes(id)) : std::string();
}

Json token_json(const Tokenizer& tokenizer, TokenId id, double logprob) {
  const std::string bytes = bytes_of(tokenizer, id);
  Json json;
  json["token"] = bytes;
  json["logprob"] = logprob;
  json["bytes"] = std::vector<std::uint8_t>(bytes.begin(), bytes.end());
  return json;
}

Json chat_logprobs_json(std::span<const TokenLogprobs> steps, const Tokenizer* tokenizer) {
  if (tokenizer == nullptr) {
    return nullptr;
  }
  Json content = Json::array();
  for (const TokenLogprobs& step : steps) {
    Json token = token_json(*tokenizer, step.id, step.logprob);
    Json& top = token["top_logprobs"] = Json::array();
    for (const auto& [id, logprob] : step.top) {
      top.push_back(token_json(*tokenizer, id, logprob));
    }
    content.push_back(std::move(token));
  }
  return Json{{"content", std::move(content)}};
}

Json text_logprobs_json(std::span<const TokenLogprobs> steps, const Tokenizer* tokenizer) {
  if (tokenizer == nullptr) {
    return nullptr;
  }
  Json tokens = Json::array();
  Json logprobs = Json::array();
  Json top = Json::array();
  for (const TokenLogprobs& step : steps) {
    tokens.push_back(bytes_of(*tokenizer, step.id));
    logprobs.push_back(step.logprob);
    Json likeliest = Json::object();
    for (const auto& [id, logprob] : step.top) {
      likeliest[replace_invalid_utf8(bytes_of(*tokenizer, id))] = logprob;
    }
    top.push_back(std::move(likeliest));
  }
  return Json{{"tokens", std::move(tokens)},
              {"token_logprobs", std::move(logprobs)},
              {"top_logprobs", std::move(top)}};
}

Json reason_json(std::optional<std::string_view> reason) {
  return reason ? Json(*reason) : Json(nullptr);
}

Json with_choice(Json json, Json choice) {
  json["choices"] = Json::array({std::move(choice)});
  return json;
}

/// Tokens need not be whole characters.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string_view finish_reason_of(const CompletionOutcome& outcome, bool called_tools) {
  if (outcome.found_stop_string || outcome.result.finish_reason == FinishReason::eos) {
    return called_tools ? "tool_calls" : "stop";
  }
  return "length";
}

nlohmann::ordered_json tool_calls_json(std::span<const ToolCall> calls, bool numbered) {
  Json list = Json::array();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    Json call;
    if (numbered) {
      call["index"] = i;
    }
    call["id"] = calls[i].id;
    call["type"] = "function";
    call["function"]["name"] = calls[i].name;
    call["function"]["arguments"] = calls[i].arguments;
    list.push_back(std::move(call));
  }
  return list;
}

std::string text_completion_json(const AnswerHead& head, std::string_view text,
                                 const CompletionOutcome& outcome, std::span<const TokenLogprobs> logprobs,
                                 const Tokenizer* wants_logprobs) {
  Json choice;
  choice["index"] = 0;
  choice["text"] = text;
  choice["logprobs"] = text_logprobs_json(logprobs, wants_logprobs);
  choice["finish_reason"] = finish_reason_of(outcome, false);
  Json json = with_choice(head_json(head, "text_completion"), std::move(choice));
  json["usage"] = usage_json(outcome.result);
  json["reprise"] = extension_json(head, outcome.result);
  return dump(json);
}

std::string chat_completion_json(const AnswerHead& head, const ChatReply& reply,
                                 const CompletionOutcome& outcome, std::span<const TokenLogprobs> logprobs,
                                 const Tokenizer* wants_logprobs) {
  Json message;
  message["role"] = "assistant";
  message["content"] =
      reply.content.empty() && !reply.tool_calls.empty() ? Json(nullptr) : Json(reply.content);
  if (!reply.reasoning.empty()) {
    message["reasoning_content"] = reply.reasoning;
  }
  if (!reply.tool_calls.empty()) {
    message["tool_calls"] = tool_calls_json(reply.tool_calls, false);
  }
  Json choice;
  choice["index"] = 0;
  choice["message"] = std::move(message);
  choice["logprobs"] = chat_logprobs_json(logprobs, wants_logprobs);
  choice["finish_reason"] = finish_reason_of(outcome, !reply.tool_calls.empty());
  Json json = with_choice(head_json(head, "chat.completion"), std::move(choice));
  json["usage"] = usage_json(outcome.result);
  json["reprise"] = extension_json(head, outcome.result);
  return dump(json);
}

std::string text_chunk_json(const AnswerHead& head, std::string_view text,
                            std::span<const TokenLogprobs> logprobs, const Tokenizer* wants_logprobs,
                            std::optional<std::string_view> finish_reason) {
  Json choice;
  choice["index"] = 0;
  choice["text"] = text;
  choice["logprobs"] = text_logprobs_json(logprobs, wants_logprobs);
  choice["finish_reason"] = reason_json(finish_reason);
  return dump(with_choice(head_json(head, "text_completion"), std::move(choice)));
}

std::string chat_chunk_json(const AnswerHead& head, const nlohmann::ordered_json& delta,
                            std::span<const TokenLogprobs> logprobs, const Tokenizer* wants_logprobs,
                            std::optional<std::string_view> finish_reason) {
  Json choice;
  choice["index"] = 0;
  choice["delta"] = delta;
  choice["logprobs"] = chat_logprobs_json(logprobs, wants_logprobs);
  choice["finish_reason"] = reason_json(finish_reason);
  return dump(with_choice(head_json(head, "chat.completion.chunk"), std::move(choice)));
}

std::string usage_chunk_json(const AnswerHead& head, bool is_chat, const CompletionOutcome& outcome) {
  Json json = head_json(head, is_chat ? "chat.completion.chunk" : "text_completion");
  json["choices"] = Json::array();
  json["usage"] = usage_json(outcome.result);
  json["reprise"] = extension_json(head, outcome.result);
  return dump(json);
}

}  // namespace reprise::engine
