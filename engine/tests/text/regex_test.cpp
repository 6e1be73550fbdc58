#include "engine/text/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/core/error.h"

namespace reprise::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Match = Regex::Match;

std::vector<Match> matches(std::string_view pattern, std::string_view text) {
  return Regex(pattern, "file: field").find_all(text);
}

std::string error_of(std::string_view pattern, std::string_view text = "") {
  try {
    matches(pattern, text);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Regex, FindsMatchesFromLeftToRight) {
  EXPECT_THAT(matches("a+", "baaca"), ElementsAre(Match{1, 3}, Match{4, 5}));
  EXPECT_THAT(matches("a", ""), ElementsAre());
  EXPECT_THAT(matches("\\p{L}+", "\u00E9\u4E16 x"), ElementsAre(Match{0, 5}, Match{6, 7}));
  EXPECT_THAT(matches("(?i:'S)", "'s'\u017F"), ElementsAre(Match{0, 2}, Match{2, 5})) << "long s folds to s";
}

TEST(Regex, FindsEmptyMatchesButNotRightAfterAnother) {
  EXPECT_THAT(matches("x*", "axb"), ElementsAre(Match{0, 0}, Match{1, 2}, Match{3, 3}));
  EXPECT_THAT(matches("(?=\u00E9)", "\u00E9\u00E9"), ElementsAre(Match{0, 0}, Match{2, 2}));
}

TEST(Regex, WhiteSpaceIsThePropertyAndNothingElse) {
  EXPECT_THAT(matches("\\s", "\u0085\u00A0"), ElementsAre(Match{0, 2}, Match{2, 4}));
  EXPECT_THAT(matches("[\\s]", "\u180E"), ElementsAre()) << "PCRE2's own \\s has this one";
  EXPECT_THAT(matches("[^\\S]", "a "), ElementsAre(Match{1, 2}));
}

TEST(Regex, CaretAndDollarStandAtEveryLine) {
  EXPECT_THAT(matches("^a$", "a\na"), ElementsAre(Match{0, 1}, Match{2, 3}));
}

TEST(Regex, RefusesWhatOnigurumaReadsDifferently) {
  for (const char* pattern : {"\\w", "\\W", "\\bx", "\\h", "[a&&b]", "[a[bc]]", "[]&&a]", "[\\]&&]"}) {
    EXPECT_THAT(error_of(pattern),
                HasSubstr("file: field: expected a pattern that Oniguruma and PCRE2 read alike"))
        << pattern;
  }
  for (const char* pattern : {"\\\\w", "a&&b", "[[:alpha:]]", "[a]&&", "[\\[]"}) {
    EXPECT_EQ(error_of(pattern), "no error") << pattern;
  }
}

TEST(Regex, RefusesWhatIsNoPattern) {
  EXPECT_EQ(error_of("(a"),
            "file: field: expected a regular expression, found '(a' (missing closing parenthesis)");
  EXPECT_THAT(error_of("[a"), HasSubstr("expected a regular expression"));
  EXPECT_THAT(error_of("\\"), HasSubstr("expected a regular expression"));
  EXPECT_THAT(error_of("\\C"), HasSubstr("expected a regular expression"));
  EXPECT_THAT(error_of("[[:"), HasSubstr("expected a regular expression"));
}

TEST(Regex, GivesUpOnExponentialBacktracking) {
  EXPECT_THAT(error_of("(?:a|aa)+$", std::string(60, 'a') + "b"), HasSubstr("too much backtracking"));
}

TEST(Regex, MatchesLongTextWithAGroupThatRepeats) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) {
    text += "ab";
  }
  EXPECT_THAT(matches("(?:a(b))+", text), ElementsAre(Match{0, text.size()}));
}

TEST(Regex, EscapesLiterals) {
  const std::string literal = "a.b*[&&]\\w(^$)|-~#/\u00E9{2}";
  EXPECT_THAT(matches(Regex::escaped(literal), literal + "axb"), ElementsAre(Match{0, literal.size()}));
}

}  // namespace
}  // namespace reprise::engine
