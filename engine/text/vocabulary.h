/// The tokens of a tokenizer of either kind: bytes by id, ids by bytes. Knows nothing of merges or text.
/// Used by Bpe and Tokenizer; immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/core/token.h"
#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// Ids by spelling, of the vocabulary without added tokens; needed while a tokenizer is built. The keys point
/// into the spec.
using SpellingIndex = std::unordered_map<std::string_view, TokenId>;

/// Errors: invalid_data, where a token stands twice.
SpellingIndex index_spellings(const TokenizerSpec& spec);

/// A token of a byte-level vocabulary has the bytes it spells, or, where it isn't written in the byte
/// alphabet, those of its UTF-8; one of a SentencePiece vocabulary has its characters with spaces for U+2581,
/// or the byte it is for. An added token that is not in the vocabulary has the bytes of its content, and in a
/// SentencePiece vocabulary every added token has.
class Vocabulary {
 public:
  /// Errors: invalid_data, where an id stands twice or an added token contradicts the vocabulary.
  Vocabulary(const TokenizerSpec& spec, const SpellingIndex& spellings);

  /// The highest id + 1; ids below it may be unused.
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(flags_.size()); }
  [[nodiscard]] bool contains(TokenId id) const { return has(id, kPresent); }
  [[nodiscard]] bool is_special(TokenId id) const { return has(id, kSpecial); }
  [[nodiscard]] bool is_added(TokenId id) const { return has(id, kAdded); }
  /// Of a token that exists.
  [[nodiscard]] std::string_view bytes(TokenId id) const;

  /// By bytes; tokens outside the byte alphabet (such as added ones) come first, and tokens that are only the
  /// fallback for a byte come last.
  [[nodiscard]] std::optional<TokenId> find(std::string_view bytes) const;
  /// By bytes, among the tokens of the vocabulary that are spelled in its alphabet.
  [[nodiscard]] std::optional<TokenId> find_word(std::string_view bytes) const;

 private:
  enum Flag : std::uint8_t { kPresent = 1, kSpecial = 2, kAdded = 4 };
  enum class Role : std::uint8_t { word, fallback, other };
  struct Token {
    std::string bytes;
    TokenId id;
    Role role;
  };

  [[nodiscard]] bool has(TokenId id, Flag flag) const {
    return id >= 0 && id < size() && (flags_[static_cast<std::size_t>(id)] & flag) != 0;
  }
  static Token token_of(const TokenizerSpec& spec, const TokenizerSpec::Entry& entry);
  std::vector<Token> vocabulary_tokens(const TokenizerSpec& spec);
  void add_tokens(const TokenizerSpec& spec, const SpellingIndex& spellings, std::vector<Token>& tokens);
  void lay_out(const std::vector<Token>& tokens);

  std::vector<char> bytes_;                              // of all tokens, by rising id
  std::vector<std::uint32_t> offsets_;                   // [size + 1] into bytes_
  std::vector<std::uint8_t> flags_;                      // [size]
  std::unordered_map<std::string_view, TokenId> words_;  // keys point into bytes_
  std::unordered_map<std::string_view, TokenId> others_;
};

}  // namespace reprise::engine
