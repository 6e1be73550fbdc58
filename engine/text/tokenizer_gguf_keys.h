/// The keys and numbers that reader and writer of GGUF tokenizers share; nobody else needs them.
#pragma once

#include <cstdint>

namespace reprise::engine::detail {

inline constexpr const char* kModelKey = "tokenizer.ggml.model";
inline constexpr const char* kPreKey = "tokenizer.ggml.pre";
inline constexpr const char* kTokensKey = "tokenizer.ggml.tokens";
inline constexpr const char* kTypesKey = "tokenizer.ggml.token_type";
inline constexpr const char* kScoresKey = "tokenizer.ggml.scores";
inline constexpr const char* kMergesKey = "tokenizer.ggml.merges";
inline constexpr const char* kAddSpaceKey = "tokenizer.ggml.add_space_prefix";
inline constexpr const char* kBosKey = "tokenizer.ggml.bos_token_id";
inline constexpr const char* kEosKey = "tokenizer.ggml.eos_token_id";
inline constexpr const char* kEotKey = "tokenizer.ggml.eot_token_id";
inline constexpr const char* kUnknownKey = "tokenizer.ggml.unknown_token_id";
inline constexpr const char* kAddBosKey = "tokenizer.ggml.add_bos_token";
inline constexpr const char* kChatTemplateKey = "tokenizer.chat_template";

inline constexpr const char* kByteLevelModel = "gpt2";
inline constexpr const char* kSentencePieceModel = "llama";

/// `token_type`, as SentencePiece numbers them.
enum GgufTokenType : std::int32_t {
  kNormalToken = 1,
  kUnknownToken = 2,
  kControlToken = 3,
  kUserDefinedToken = 4,
  kUnusedToken = 5,
  kByteToken = 6,
};

}  // namespace reprise::engine::detail
