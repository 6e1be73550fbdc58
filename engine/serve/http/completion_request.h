/// What a client asks of /v1/completions and /v1/chat/completions: the body of a request, checked. Fields of
/// OpenAI's API that would change the answer in a way that this server does not know are refused by name;
/// some of this engine's are understood beside them: top_k, min_p, repetition_penalty, and enable_thinking in
/// chat_template_kwargs.
/// Source: https://platform.openai.com/docs/api-reference/chat/create and .../completions/create
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/generate/request.h"
#include "engine/text/chat_template.h"

namespace reprise::engine {

/// What both kinds of request have.
struct CompletionFields {
  std::optional<std::int64_t> max_tokens;
  SamplingParameters sampling;        ///< temperature 1 where nothing is said, as the API has it
  std::optional<std::uint64_t> seed;  ///< absent: the server draws one
  std::vector<std::string> stop;      ///< at most 16, of at most 1024 bytes
  std::optional<int> n_logprobs;      ///< 0 to 20
  bool stream = false;
  bool include_usage = false;  ///< a last chunk with the usage
};

struct TextCompletionRequest {
  CompletionFields fields;
  std::variant<std::string, std::vector<TokenId>> prompt;
};

struct ChatCompletionRequest {
  CompletionFields fields;
  std::vector<ChatMessage> messages;
  ChatOptions options;
};

/// Errors: ApiError 400 naming the field.
TextCompletionRequest parse_text_completion(std::string_view body);
ChatCompletionRequest parse_chat_completion(std::string_view body);

}  // namespace reprise::engine
