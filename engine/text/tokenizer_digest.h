/// The identity of a tokenizer whatever file it came from: two GGUF files with the same tokenizer, or a
/// llama2.c tokenizer and its GGUF, agree. (The digest of a tokenizer.json is that of the file instead, which
/// is what the Hugging Face hub shows.) Used by Tokenizer::from_spec.
#pragma once

#include <string>

#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// SHA-256, in hexadecimal, of these lines, each ended by a newline. A string is its length in bytes, a space
/// and the bytes; a flag is 0 or 1; a score is the shortest decimal that is that f32, and 0 rather than -0.
///
///   reprise tokenizer 1
///   byte_level_bpe <nfc> <ignore_merges>          or the other kind:
///   sentence_piece <byte_fallback> <space_prefix>
///   unknown <fuse_unknown> <content>              the content is empty where there is no unknown token
///   split <keep_match> <keep_other> <add_space> <pattern>
///   added <id> <special> <lstrip> <rstrip> <single_word> <normalized> <content>
///   byte <id> <spelling>                          of sentence_piece with byte_fallback
///   token <id> <score> <spelling>                 of sentence_piece
///   token <id> <spelling>                         of byte_level_bpe
///   merge <left> <right>                          by rank
///
/// Lines of tokens come in the order of their ids, one for each; an added token that is in the vocabulary too
/// counts as added. Splits that cut nothing and add nothing are left out.
std::string tokenizer_digest(const TokenizerSpec& spec);

}  // namespace reprise::engine
