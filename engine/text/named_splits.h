/// The names that GGUF files have for ways of cutting text into words (`tokenizer.ggml.pre`), and what they
/// stand for. A name stands for a pattern and for two traits that GGUF has no key of its own for: whether a
/// word that is a token as a whole becomes it (Llama 3), and whether text is put into normalization form C.
///
/// Which names are alike is llama.cpp's choice; the patterns are those of the families' tokenizer.json files.
/// NFC is a fact about Qwen's files that llama.cpp leaves out; here "qwen2" has it, so that ids equal those
/// of Hugging Face tokenizers for any text, and no other name has.
/// Source: https://github.com/ggml-org/llama.cpp, src/llama-vocab.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// GPT-2's words: Radford et al. 2019, github.com/openai/gpt-2, src/encoder.py.
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

struct NamedSplits {
  std::vector<std::string_view> names;     ///< the first is the one to write
  std::vector<std::string_view> patterns;  ///< applied one after the other; both matches and rest are kept
  bool ignore_merges = false;
  bool nfc = false;
  bool begins_text = false;  ///< files without `add_bos_token` mean that texts begin with that token
};

/// Null for a name that is not known.
const NamedSplits* find_named_splits(std::string_view name);

/// What `spec`, of kind byte_level_bpe, does before merging; null where no name stands for that.
const NamedSplits* recognise_splits(const TokenizerSpec& spec);

/// "gpt-2, phi-2, ...": for messages.
std::string known_split_names();

}  // namespace reprise::engine
