/// How SentencePiece vocabularies are written: U+2581 ("▁") stands for a space, and "<0xE4>" is the token of
/// the byte 0xE4, for text that has no token of its own. The counterpart of byte_alphabet.h for the other
/// kind of tokenizer.
///
/// Source: Kudo & Richardson 2018, arXiv:1808.06226; https://github.com/google/sentencepiece.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reprise::engine {

/// U+2581, LOWER ONE EIGHTH BLOCK.
inline constexpr std::string_view kPieceSpace = "\xE2\x96\x81";

/// `text` with U+2581 for each space.
std::string spell_piece(std::string_view text);

/// `spelling` with a space for each U+2581.
std::string spelled_piece(std::string_view spelling);

/// "<0xE4>", in upper case as all vocabularies have it.
std::string spell_byte_piece(std::uint8_t byte);

/// The byte of a spelling of that form, either case.
std::optional<std::uint8_t> spelled_byte_piece(std::string_view spelling);

}  // namespace reprise::engine
