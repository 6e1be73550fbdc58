/// Tokenizers in GGUF files, read and written: the metadata under `tokenizer.ggml.` as llama.cpp has it.
/// Used by the program's loader and its converter; the file itself is io/gguf.h's work.
///
///   model        "gpt2": byte-level BPE; "llama": SentencePiece BPE. Others are refused.
///   pre          of gpt2: how text is cut into words, by name (named_splits.h)
///   tokens       by id
///   token_type   1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
///   scores       of llama, by id
///   merges       of gpt2: "left right", best first
///   add_space_prefix           of llama; true where it is absent
///   bos_token_id, eos_token_id, eot_token_id, unknown_token_id, add_bos_token
/// and `tokenizer.chat_template`.
///
/// Control tokens become special added tokens, user defined ones added tokens, both sought in the text as
/// given. Ids of unused tokens, and of those without text, have no token: `contains` is false for them.
/// Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; llama.cpp, src/llama-vocab.cpp and
///         convert_hf_to_gguf.py.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/core/token.h"
#include "engine/io/gguf.h"
#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// What a model file says about the use of its tokens. Encoding applies none of it: callers do.
struct TokenizerFacts {
  std::optional<TokenId> bos{};  ///< the token before a text
  std::optional<TokenId> eos{};  ///< the token after a text
  std::optional<TokenId> eot{};  ///< the token after a turn of a chat
  bool add_bos = false;          ///< the model expects `bos` before a text
  std::string chat_template{};   ///< Jinja; empty: none
};

/// Errors: those of GgufFile's access; one line naming file, key and element where keys contradict one
/// another, a token is not UTF-8 or stands twice, a type or score cannot be, or (unsupported) `model` or
/// `pre` is not known.
TokenizerSpec read_tokenizer_gguf(const GgufFile& file);

/// Where the file has no eot_token_id, the token is known by its text: "<|eot_id|>", "<|im_end|>", "<|end|>",
/// "<end_of_turn>", "<|endoftext|>" or "<|end_of_text|>", the first of these that there is. Where it has no
/// add_bos_token, llama and Llama 3 mean true, and others false.
/// Errors: those of GgufFile's access; unsupported as above; invalid_data for an id without a place in
/// `tokens`, and where add_bos_token is true and there is no bos_token_id.
TokenizerFacts read_tokenizer_facts(const GgufFile& file);

/// Adds the keys above to `writer`, for a model of `n_vocab` logits: ids without a token become "[PADn]" of
/// type unused. Reading it back gives a tokenizer of the same content digest (tokenizer_digest.h), provided
/// that an unknown token, if there is one, is an added token.
/// Errors: invalid_argument, where the model has fewer logits than the tokenizer ids, or a fact names an id
/// beyond them; unsupported for what GGUF has no place for, naming it: words that no `pre` stands for,
/// added tokens that swallow white space, stand between words or are sought in normalized text, merges of
/// tokens with spaces, fused unknown bytes.
void write_tokenizer_gguf(const TokenizerSpec& spec, const TokenizerFacts& facts, std::int64_t n_vocab,
                          GgufWriter& writer);

}  // namespace reprise::engine
