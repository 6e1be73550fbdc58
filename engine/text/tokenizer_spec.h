/// What a byte-level BPE tokenizer consists of, as its file states it. Readers of file formats fill this
/// struct (tokenizer_json.h for Hugging Face files), Tokenizer::from_spec checks and compiles it. Plain data.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/core/token.h"

namespace reprise::engine {

/// The highest id a tokenizer may use: 64 times today's largest vocabularies, and small enough to allocate.
inline constexpr TokenId kMaxTokenId = 16'777'216;

/// A text that is recognised as one token wherever it stands, before anything else is done.
struct AddedToken {
  std::string content;
  TokenId id = 0;
  bool special = false;      ///< decoding may skip it
  bool lstrip = false;       ///< swallows white space to its left
  bool rstrip = false;       ///< swallows white space to its right
  bool single_word = false;  ///< only between characters that are not part of words
  bool normalized = false;   ///< sought in the normalized text instead of the text as given
};

/// One step of cutting text into words.
struct WordSplit {
  std::string field;       ///< where the file states it, for messages
  std::string pattern;     ///< regular expression in the dialect of regex.h; empty: nothing is cut
  bool keep_match = true;  ///< matches become words
  bool keep_other = true;  ///< what lies between matches becomes words
  bool add_space = false;  ///< first, a space is put before a piece that does not begin with one
};

struct TokenizerSpec {
  struct Entry {
    std::string spelling;  ///< in the byte alphabet (byte_alphabet.h)
    TokenId id = 0;        ///< 0 to kMaxTokenId
  };

  std::string name;  ///< of the file, for messages
  std::string vocabulary_field = "model.vocab";
  std::string merges_field = "model.merges";
  std::string added_tokens_field = "added_tokens";
  std::string digest;  ///< SHA-256 of the file, in hexadecimal
  std::vector<Entry> vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  ///< spellings, best first
  std::vector<AddedToken> added_tokens;
  std::vector<WordSplit> word_splits;  ///< applied one after the other
  std::string unknown_token;   ///< for bytes that have no token; empty: encoding such text is an error
  bool fuse_unknown = false;   ///< one unknown token for neighbouring unknown bytes
  bool ignore_merges = false;  ///< a word that is a token as a whole becomes it, whatever the merges
  bool nfc = false;            ///< text is put into normalization form C first
};

}  // namespace reprise::engine
