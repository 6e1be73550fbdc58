/// SentencePiece's byte-pair encoding, as Llama 2, llama2.c and llama.cpp's "llama" tokenizers have it:
/// starts from the characters of a text and puts neighbours together whenever the result is a token, best
/// score first and leftmost among equals, until none is left. Unlike bpe.h there are no words and no list of
/// merges, and what has no token falls back to the tokens of its bytes. Used by Tokenizer.
///
/// Cost:   O(n log n) for a text of n characters (times the length of the longest token, to look tokens up).
/// Source: Kudo & Richardson 2018, arXiv:1808.06226; https://github.com/google/sentencepiece,
///         src/bpe_model.cc.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/core/token.h"
#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// Immutable; any number of threads may encode at once, each with its own Scratch.
class SentencePiece {
 public:
  /// Memory that encoding reuses from text to text.
  class Scratch;

  /// Text becomes tokens of the vocabulary but for those of bytes and added ones, which are found beforehand.
  /// Errors: invalid_data, where a score is not a finite number or the unknown token is no token.
  explicit SentencePiece(const TokenizerSpec& spec);

  /// The text in the form in which tokens are spelled: U+2581 for spaces, and one before it all where the
  /// tokenizer wants that; empty text stays empty.
  [[nodiscard]] std::string spell(std::string_view text) const;

  /// Appends the tokens of valid UTF-8 that is spelled so and shorter than 2^31 bytes. A character without a
  /// token becomes the tokens of its bytes if there is one for each of them, otherwise the unknown token.
  /// Errors: invalid_argument, where there is no unknown token either.
  void encode(std::string_view spelled, Scratch& scratch, std::vector<TokenId>& ids) const;

 private:
  struct Piece {
    TokenId id;
    std::uint32_t rank;  // 0 for the best score; equal for equal scores
  };

  void add_pieces(const TokenizerSpec& spec);
  void find_unknown(const TokenizerSpec& spec);
  [[nodiscard]] const Piece* find(std::string_view spelling) const;
  void start(std::string_view spelled, Scratch& scratch) const;
  void merge_all(std::string_view spelled, Scratch& scratch) const;
  void offer(std::string_view spelled, Scratch& scratch, std::int32_t left) const;
  bool append_known(const Piece* piece, std::string_view text, std::vector<TokenId>& ids) const;

  std::string name_;
  std::vector<char> letters_;                              // the spellings one after the other
  std::unordered_map<std::string_view, Piece> pieces_;     // keys point into letters_
  std::size_t longest_ = 0;                                // bytes of the longest spelling
  std::array<std::optional<TokenId>, 256> byte_tokens_{};  // all empty without byte fallback
  std::optional<TokenId> unknown_;
  bool fuse_unknown_;
  bool space_prefix_;
};

class SentencePiece::Scratch {
  friend class SentencePiece;
  static constexpr std::int32_t kNone = -1;
  struct Symbol {
    std::uint32_t begin;  // in the text
    std::uint32_t size;   // 0: merged into its left neighbour
    std::int32_t left;
    std::int32_t right;
    const Piece* piece;  // what it is; null: no token
    const Piece* pair;   // what it and its right neighbour are together
  };
  std::vector<Symbol> symbols_;            // a doubly linked list
  std::vector<std::uint64_t> candidates_;  // a heap of rank << 32 | index of the left symbol
};

}  // namespace reprise::engine
