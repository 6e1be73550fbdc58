/// Finds added tokens ("<|im_end|>") in text before it is tokenized: the leftmost one, the longest among
/// those that begin there, as Hugging Face tokenizers does.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/core/token.h"
#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// A stretch of text: an added token, or, without an id, text between added tokens.
struct TextPiece {
  std::string_view text;  ///< of a token: with the white space it swallowed
  std::optional<TokenId> id;
};

/// Immutable; any number of threads may search at once.
class AddedTokenFinder {
 public:
  /// Contents are not empty.
  explicit AddedTokenFinder(std::vector<AddedToken> tokens);

  /// Cuts valid UTF-8; the pieces point into `text` and none of those without an id is empty.
  [[nodiscard]] std::vector<TextPiece> split(std::string_view text) const;

 private:
  [[nodiscard]] const AddedToken* longest_at_start(std::string_view text) const;

  std::array<std::vector<AddedToken>, 256> by_first_byte_;  // longest content first
};

}  // namespace reprise::engine
