/// Regular expressions of tokenizer files, matched by PCRE2 with its just-in-time compiler.
///
/// The files are written for Oniguruma (Ruby's syntax, Unicode). The dialect here is what both libraries read
/// alike, with `\s` and `\S` as the property White_Space, and `^` and `$` at every line. What the two would
/// read differently is refused rather than tokenized otherwise: `\w \W \b \B \h \H`, `&&` and nested sets.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct pcre2_real_code_8;

namespace reprise::engine {

/// A compiled pattern. Immutable; any number of threads may match at once.
class Regex {
 public:
  struct Match {
    std::size_t begin;  ///< byte offsets
    std::size_t end;
    bool operator==(const Match&) const = default;
  };

  /// `where` opens the error's line: "tokenizer.json: pre_tokenizer.pattern.Regex".
  /// Errors: invalid_data where the pattern is not one, unsupported outside the dialect.
  Regex(std::string_view pattern, std::string where);

  /// All matches of valid UTF-8 text, from left to right; an empty match right after a match is none.
  /// Errors: unsupported, where the pattern backtracks so much that matching was given up.
  [[nodiscard]] std::vector<Match> find_all(std::string_view text) const;

  /// A pattern that matches exactly `text`.
  static std::string escaped(std::string_view text);

 private:
  std::shared_ptr<const pcre2_real_code_8> code_;
  std::string where_;
};

}  // namespace reprise::engine
