/// Bodies of the completion APIs, whole and in chunks. Pure: what happened in, JSON text out.
/// Source: https://platform.openai.com/docs/api-reference/chat/object, .../chat/streaming,
/// .../completions/object;
///         reasoning_content as DeepSeek's and Qwen's servers have it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/serve/completion.h"
#include "engine/text/chat_reply.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine {

/// What every body of one answer repeats.
struct AnswerHead {
  std::string id;            ///< "chatcmpl-..." or "cmpl-..."
  std::int64_t created = 0;  ///< seconds since 1970
  std::string model;
  std::string fingerprint;  ///< build and weights: equal fingerprints, requests and seeds give equal answers
  std::uint64_t seed = 0;   ///< that was used, told under "reprise"
};

/// "stop", "length" or "tool_calls".
std::string_view finish_reason_of(const CompletionOutcome& outcome, bool called_tools);

std::string text_completion_json(const AnswerHead& head, std::string_view text,
                                 const CompletionOutcome& outcome, std::span<const TokenLogprobs> logprobs,
                                 const Tokenizer* wants_logprobs);
std::string chat_completion_json(const AnswerHead& head, const ChatReply& reply,
                                 const CompletionOutcome& outcome, std::span<const TokenLogprobs> logprobs,
                                 const Tokenizer* wants_logprobs);

/// One chunk of a stream each.
std::string text_chunk_json(const AnswerHead& head, std::string_view text,
                            std::span<const TokenLogprobs> logprobs, const Tokenizer* wants_logprobs,
                            std::optional<std::string_view> finish_reason);
/// `delta`: an object, such as {"content": "..."}.
std::string chat_chunk_json(const AnswerHead& head, const nlohmann::ordered_json& delta,
                            std::span<const TokenLogprobs> logprobs, const Tokenizer* wants_logprobs,
                            std::optional<std::string_view> finish_reason);
/// The last chunk, for stream_options.include_usage.
std::string usage_chunk_json(const AnswerHead& head, bool is_chat, const CompletionOutcome& outcome);

/// Of a message or a delta; the latter are numbered.
nlohmann::ordered_json tool_calls_json(std::span<const ToolCall> calls, bool numbered);

}  // namespace reprise::engine
