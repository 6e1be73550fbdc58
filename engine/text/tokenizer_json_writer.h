/// Writes Hugging Face `tokenizer.json` files: byte-level BPE in the form that GPT-2's, Qwen's and Llama 3's
/// files have, SentencePiece in the form that Llama 2's converted file has. Used by the model converter.
#pragma once

#include <optional>
#include <string>

#include "engine/core/token.h"
#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// The file's text, in UTF-8, for a specification that Tokenizer::from_spec takes. Reading it
/// (tokenizer_json.h) gives a tokenizer with the same ids for every text. `begin` is a token that Hugging
/// Face tokenizers then put before a text, unless they are told to add no special tokens.
/// Errors: invalid_argument, where `begin` is no added token; invalid_data for a token that is not UTF-8;
/// unsupported for what the format has no place for: a space before words other than in the last step, and
/// scores that no list of merges stands for (piece_merges.h).
std::string write_tokenizer_json(const TokenizerSpec& spec, std::optional<TokenId> begin = std::nullopt);

}  // namespace reprise::engine
