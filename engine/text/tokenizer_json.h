/// Reads Hugging Face `tokenizer.json` files of BPE tokenizers into a TokenizerSpec.
///
/// Understood: model BPE without dropout or affixes, in one of two forms. Byte-level, as GPT-2, Qwen and
/// Llama 3 have it: no byte fallback; normalizer null, NFC, or a Sequence of them; pre_tokenizer ByteLevel,
/// Split (Isolated, Removed), Digits, or a Sequence that ends in ByteLevel; decoder ByteLevel. SentencePiece,
/// as Llama 2's converted files have it: normalizer Prepend and Replace (or Replace alone) for U+2581; no
/// pre_tokenizer; decoder a Sequence of Replace, ByteFallback, Fuse and Strip; merges that stand for scores
/// (piece_merges.h). Anything else that would change ids or text is refused by name. Not applied: truncation
/// and padding, and post_processor, which only adds special tokens (chat templates and callers do that). The
/// way back: tokenizer_json_writer.h.
#pragma once

#include <string>
#include <string_view>

#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// `name` stands in messages: the path of the file.
/// Errors: invalid_data or unsupported, one line naming the field, e.g. "tokenizer.json: pre_tokenizer.type:
/// expected one of ByteLevel, Split, Digits, Sequence, found 'Metaspace'".
TokenizerSpec read_tokenizer_json(std::string_view text, const std::string& name);

}  // namespace reprise::engine
