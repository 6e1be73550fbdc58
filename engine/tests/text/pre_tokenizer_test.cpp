// How text is cut into words, by the components of tokenizer.json and by the patterns of published families.
#include "engine/text/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/tests/text/tokenizer_fixtures.h"
#include "engine/text/tokenizer_json.h"

namespace reprise::engine::testing {
namespace {

using ::testing::ElementsAre;
using Words = std::vector<std::string>;

Words words(const json& pre_tokenizer, const std::string& text) {
  json file = small_tokenizer();
  file["pre_tokenizer"] = pre_tokenizer;
  const PreTokenizer::Words found =
      PreTokenizer(read_tokenizer_json(file.dump(), "tokenizer.json")).split(text);
  return {found.views.begin(), found.views.end()};
}

json then_bytes(const json& component) {
  return sequence({component, byte_level(false)});
}

TEST(PreTokenizer, ByteLevelCutsAsGpt2Does) {
  EXPECT_THAT(words(byte_level(true), "I'll go  12x?!\n"),
              ElementsAre("I", "'ll", " go", " ", " 12", "x", "?!", "\n"));
  EXPECT_THAT(words(byte_level(true), "I'LL"), ElementsAre("I", "'", "LL")) << "lower case only";
  EXPECT_THAT(words(byte_level(true), "a   "), ElementsAre("a", "   "));
  EXPECT_THAT(words(byte_level(false), "a b"), ElementsAre("a b"));
}

TEST(PreTokenizer, ByteLevelPutsASpaceBeforeTextThatHasNone) {
  EXPECT_THAT(words(byte_level(true, true), "a b"), ElementsAre(" a", " b"));
  EXPECT_THAT(words(byte_level(true, true), " a b"), ElementsAre(" a", " b"));
  EXPECT_THAT(words(sequence({split({{"String", "b"}}), byte_level(false, true)}), "abc"),
              ElementsAre(" a", " b", " c"))
      << "before every piece that comes to it, as Hugging Face tokenizers does";
}

TEST(PreTokenizer, SplitTakesStringsLiterallyAndRegexesAsSuch) {
  EXPECT_THAT(words(then_bytes(split({{"String", "."}})), "a.bc"), ElementsAre("a", ".", "bc"));
  EXPECT_THAT(words(then_bytes(split({{"Regex", "."}})), "a.b"), ElementsAre("a", ".", "b"));
}

TEST(PreTokenizer, SplitKeepsOrRemovesMatches) {
  const json pattern = {{"Regex", "\\d+"}};
  EXPECT_THAT(words(then_bytes(split(pattern, "Isolated")), "a12b3"), ElementsAre("a", "12", "b", "3"));
  EXPECT_THAT(words(then_bytes(split(pattern, "Isolated", true)), "a12b3"), ElementsAre("a", "12", "b", "3"));
  EXPECT_THAT(words(then_bytes(split(pattern, "Removed")), "a12b3"), ElementsAre("a", "b"));
  EXPECT_THAT(words(then_bytes(split(pattern, "Removed", true)), "a12b3"), ElementsAre("12", "3"));
  EXPECT_THAT(words(then_bytes(split({{"Regex", "(?=b)"}})), "abab"), ElementsAre("a", "ba", "b"))
      << "empty matches";
}

TEST(PreTokenizer, DigitsStandAloneOrTogether) {
  const auto digits = [](bool individual) {
    return json{{"type", "Digits"}, {"individual_digits", individual}};
  };
  EXPECT_THAT(words(then_bytes(digits(true)), "a12\u00BD"), ElementsAre("a", "1", "2", "\u00BD"));
  EXPECT_THAT(words(then_bytes(digits(false)), "a12\u00BDb"), ElementsAre("a", "12\u00BD", "b"));
}

TEST(PreTokenizer, SequencesNest) {
  const json inner = sequence({split({{"String", "-"}}, "Removed"), split({{"String", "b"}})});
  EXPECT_THAT(words(then_bytes(inner), "a-bc"), ElementsAre("a", "b", "c"));
}

// Llama 3: numbers in threes from the left, contractions in either case, punctuation takes newlines along.
TEST(PreTokenizer, CutsAsLlama3Does) {
  const json llama3 =
      then_bytes(split({{"Regex",
                         "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"
                         " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}}));
  EXPECT_THAT(words(llama3, "1234567"), ElementsAre("123", "456", "7"));
  EXPECT_THAT(words(llama3, "I'LL we'Ve"), ElementsAre("I", "'LL", " we", "'Ve"));
  EXPECT_THAT(words(llama3, "x=1;\n\n  y"), ElementsAre("x", "=", "1", ";\n\n", " ", " y"));
  EXPECT_THAT(words(llama3, "  \n \n a\t\tb"), ElementsAre("  \n \n", " a", "\t", "\tb"));
  EXPECT_THAT(words(llama3, " caf\u00E9\u4E16.\u00B2"), ElementsAre(" caf\u00E9\u4E16", ".", "\u00B2"));
  EXPECT_THAT(words(llama3, "end  "), ElementsAre("end", "  "));
}

}  // namespace
}  // namespace reprise::engine::testing
