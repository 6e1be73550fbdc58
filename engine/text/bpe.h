/// Byte-pair encoding of one word: starts from the tokens of its bytes and merges neighbours, best merge
/// first and leftmost among equals, until none applies. Cutting text into words is pre_tokenizer.h's work.
///
/// Cost:   O(n log n) for a word of n bytes.
/// Source: Sennrich, Haddow, Birch 2016, arXiv:1508.07909; order of merges as Hugging Face tokenizers has it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/token.h"
#include "engine/text/tokenizer_spec.h"
#include "engine/text/vocabulary.h"

namespace reprise::engine {

/// The rank of each mergeable pair of tokens: a hash table with open addressing.
class MergeRanks {
 public:
  explicit MergeRanks(std::size_t n_merges);
  /// False where the pair is there already.
  bool insert(TokenId left, TokenId right, std::uint32_t rank);
  [[nodiscard]] std::optional<std::uint32_t> find(TokenId left, TokenId right) const;

 private:
  struct Slot {
    std::uint64_t pair;
    std::uint32_t rank;
  };
  [[nodiscard]] std::size_t slot_of(std::uint64_t pair) const;

  std::vector<Slot> slots_;
  int shift_;
};

/// Immutable; any number of threads may encode at once, each with its own Scratch.
class Bpe {
 public:
  /// Memory that encoding reuses from word to word.
  class Scratch;

  /// `vocabulary` must outlive the object.
  /// Errors: invalid_data, where a merge names a token that is not there or stands twice.
  Bpe(const TokenizerSpec& spec, const SpellingIndex& spellings, const Vocabulary& vocabulary);

  /// Appends the tokens of `word`, which is shorter than 2^31 bytes.
  /// Errors: invalid_argument, where a byte has no token and the tokenizer no unknown token.
  void encode(std::string_view word, Scratch& scratch, std::vector<TokenId>& ids) const;

 private:
  struct Merge {
    TokenId left;
    TokenId right;
    TokenId merged;
  };

  void start(std::string_view word, Scratch& scratch) const;
  void merge_all(Scratch& scratch) const;
  void offer(Scratch& scratch, std::int32_t left) const;

  const Vocabulary& vocabulary_;
  std::string name_;
  std::array<std::optional<TokenId>, 256> byte_tokens_;
  std::vector<Merge> merges_;  // by rank
  MergeRanks ranks_;
  std::optional<TokenId> unknown_;
  bool fuse_unknown_;
  bool ignore_merges_;
};

class Bpe::Scratch {
  friend class Bpe;
  static constexpr std::int32_t kNone = -1;
  struct Symbol {
    TokenId id;  // kNone: merged into its left neighbour
    std::int32_t left;
    std::int32_t right;
  };
  std::vector<Symbol> symbols_;            // a doubly linked list
  std::vector<std::uint64_t> candidates_;  // a heap of rank << 32 | index of the left symbol
};

}  // namespace reprise::engine
