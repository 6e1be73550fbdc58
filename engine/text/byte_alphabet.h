/// GPT-2's spelling of bytes as printable characters: how byte-level vocabularies are written in JSON and
/// GGUF. Printable Latin-1 bytes stand for themselves; the other 68 become U+0100, U+0101, ... in order, so
/// that a space is "Ġ". The engine itself works on bytes; this is for the readers of files.
///
/// Source: Radford et al. 2019, `bytes_to_unicode` in github.com/openai/gpt-2, src/encoder.py.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace reprise::engine {

/// Every byte as its character, in UTF-8.
std::string spell_bytes(std::string_view bytes);

/// The bytes that `spelling` stands for; nothing where one of its characters stands for no byte.
std::optional<std::string> spelled_bytes(std::string_view spelling);

}  // namespace reprise::engine
