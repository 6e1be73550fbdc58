/// Reads Hugging Face `tokenizer.json` files of byte-level BPE tokenizers into a TokenizerSpec.
///
/// Understood: model BPE without dropout, affixes or byte fallback; normalizer null, NFC, or a Sequence of
/// them; pre_tokenizer ByteLevel, Split (Isolated, Removed), Digits, or a Sequence that ends in ByteLevel;
/// decoder ByteLevel. Anything else that would change ids or text is refused by name. Not applied: truncation
/// and padding, and post_processor, which only adds special tokens (chat templates and callers do that).
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
