/// What a tokenizer consists of, as its file states it. Readers of file formats fill this struct
/// (tokenizer_json.h, tokenizer_gguf.h, llama2c_tokenizer.h), Tokenizer::from_spec checks and compiles it,
/// and writers turn it into a file of another format. Plain data.
#pragma once

#include <cstdint>
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

enum class TokenizerKind : std::uint8_t {
  byte_level_bpe,  ///< words of bytes, merged by a list of merges: GPT-2, Qwen, Llama 3 (bpe.h)
  sentence_piece,  ///< whole texts of characters, merged by the scores of tokens: Llama 2 (sentence_piece.h)
};

struct TokenizerSpec {
  struct Entry {
    std::string spelling;  ///< in the byte alphabet (byte_alphabet.h), or that of piece_spelling.h
    TokenId id = 0;        ///< 0 to kMaxTokenId
    float score = 0;       ///< of a sentence_piece token: the higher, the earlier it is made
  };

  TokenizerKind kind = TokenizerKind::byte_level_bpe;
  std::string name;  ///< of the file, for messages
  std::string vocabulary_field = "model.vocab";
  std::string merges_field = "model.merges";
  std::string added_tokens_field = "added_tokens";
  std::string digest;  ///< in hexadecimal; empty: that of the content (tokenizer_digest.h)
  std::vector<Entry> vocabulary;
  std::vector<AddedToken> added_tokens;  ///< those that are in the vocabulary too have its id
  std::string unknown_token;  ///< for bytes that have no token; empty: encoding such text is an error
  bool fuse_unknown = false;  ///< one unknown token for neighbouring unknown bytes

  // Of byte_level_bpe alone.
  std::vector<std::pair<std::string, std::string>> merges;  ///< spellings, best first
  std::vector<WordSplit> word_splits;                       ///< applied one after the other
  bool ignore_merges = false;  ///< a word that is a token as a whole becomes it, whatever the merges
  bool nfc = false;            ///< text is put into normalization form C first

  // Of sentence_piece alone.
  bool byte_fallback = false;  ///< tokens spelled "<0xE4>" stand for bytes, and for what has no token
  bool space_prefix = false;   ///< a space is put before text at the start and after an added token
};

}  // namespace reprise::engine
