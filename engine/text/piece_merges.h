/// Scores as merges and back: how a SentencePiece vocabulary stands in a Hugging Face tokenizer.json, which
/// has a list of merges and no scores. The list has every way to put a token together from two others, tokens
/// of better score first. Used by the reader and the writer of such files.
///
/// Source: https://github.com/huggingface/transformers, convert_slow_tokenizer.py.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// The merges of `spec`, of kind sentence_piece: of each token, by rising ids of the left and then the right
/// part, as published files have them. Tokens of bytes and added tokens take no part.
/// Errors: unsupported, where a list could not stand for the scores: two tokens that can be merged have the
/// same one (a list has an order, whereas the leftmost would have to come first), or a token has a character
/// at an end that is no token (SentencePiece would merge it, and lists cannot name it).
std::vector<std::pair<std::string, std::string>> merges_of_scores(const TokenizerSpec& spec);

/// Gives each token of `spec`, of kind sentence_piece, the score that its place among `spec.merges` means: 0
/// for the first, -1 for the next, and so on, the same for all that no merge makes. Takes the merges away.
/// Errors: invalid_data where a merge names or makes no token; unsupported where the list is not of the form
/// above, so that scores could not stand for it, or a token has a character at an end that is no token.
void scores_from_merges(TokenizerSpec& spec);

}  // namespace reprise::engine
