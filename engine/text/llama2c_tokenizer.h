/// Reads llama2.c's `tokenizer.bin` (tok512.bin, tok4096.bin, ...), a SentencePiece vocabulary:
///
///   i32      the length of the longest token, in bytes
///   a token  score (f32), length in bytes (i32), the bytes; for each id from 0, to the end of the file
///
/// Little-endian. The file doesn't say how many tokens there are; the model's checkpoint does. Ids 0, 1 and 2
/// are <unk>, <s> and </s> (with a newline on either side of the latter two, which is how llama2.c prints
/// them), 3 to 258 are the bytes, and the others are pieces with spaces where SentencePiece has U+2581.
///
/// Source: https://github.com/karpathy/llama2.c, tokenizer.py (`export`) and run.c (`build_tokenizer`,
///         `encode`).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

inline constexpr TokenId kLlama2cBeginId = 1;  ///< <s>, with which llama2.c begins every text
inline constexpr TokenId kLlama2cEndId = 2;    ///< </s>

/// Errors: the file is missing or unreadable; invalid_data, one line naming the file and the token, where it
/// does not hold exactly `n_vocab` tokens of the form above.
TokenizerSpec read_llama2c_tokenizer(const std::filesystem::path& path, std::int64_t n_vocab);

/// The same from the content of a file; `name` stands in messages.
TokenizerSpec parse_llama2c_tokenizer(std::string_view bytes, std::int64_t n_vocab, const std::string& name);

}  // namespace reprise::engine
