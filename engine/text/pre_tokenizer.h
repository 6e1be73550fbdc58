/// Cuts text into the words that byte-pair encoding then treats one by one. Not the finding of added tokens,
/// which comes before (added_tokens.h).
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/text/regex.h"
#include "engine/text/tokenizer_spec.h"

namespace reprise::engine {

/// Immutable; any number of threads may split at once.
class PreTokenizer {
 public:
  /// The words of one text: views into the text, or into `owned` where a space was put before them.
  struct Words {
    std::vector<std::string_view> views;
    std::deque<std::string> owned;
  };

  /// Errors: those of Regex, naming the step's field.
  explicit PreTokenizer(const TokenizerSpec& spec);

  /// `text` is valid UTF-8 and must outlive the result; no word is empty.
  [[nodiscard]] Words split(std::string_view text) const;

 private:
  struct Step {
    std::optional<Regex> pattern;
    bool keep_other;
    bool keep_match;
    bool add_space;
  };
  static void apply(const Step& step, std::string_view piece, Words& words);

  std::vector<Step> steps_;
};

}  // namespace reprise::engine
