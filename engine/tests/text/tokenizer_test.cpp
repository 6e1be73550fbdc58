// What Tokenizer and StreamingDecoder promise, on tokenizers made by hand. Published ones, and the ids other
// programs give: tokenizer_vectors_test.cpp.
#include "engine/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "engine/core/error.h"
#include "engine/tests/text/tokenizer_fixtures.h"
#include "engine/text/utf8.h"

namespace reprise::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ByteTokenizer, HasTheBytesAndThenTheSpecialTokens) {
  const std::vector<std::string> special = {"<bos>", "<bos>2"};
  const Tokenizer tokenizer = Tokenizer::bytes(special);
  EXPECT_EQ(tokenizer.size(), 258);
  EXPECT_THAT(tokenizer.encode("A\u00E9<bos><bos>2"), ElementsAre(0x41, 0xC3, 0xA9, 256, 257));
  EXPECT_EQ(tokenizer.decode(Ids{0x41, 0xC3, 0xA9, 257}), "A\u00E9<bos>2");
  EXPECT_EQ(tokenizer.decode(Ids{0x41, 256}, true), "A");
  EXPECT_EQ(tokenizer.id_of("<bos>"), 256);
  EXPECT_EQ(tokenizer.id_of("\xC3"), 0xC3);
  EXPECT_EQ(tokenizer.id_of("nothing"), std::nullopt);
  EXPECT_TRUE(tokenizer.encode("").empty());
}

TEST(ByteTokenizer, TheDigestStatesTheSpecialTokens) {
  const std::vector<std::string> special = {"aa", "bb"};
  const std::vector<std::string> joined = {"aa\n2 bb"};
  EXPECT_EQ(Tokenizer::bytes(special).digest(), Tokenizer::bytes(special).digest());
  EXPECT_NE(Tokenizer::bytes(special).digest(), Tokenizer::bytes().digest());
  EXPECT_NE(Tokenizer::bytes(special).digest(), Tokenizer::bytes(joined).digest());
  EXPECT_EQ(Tokenizer::bytes().digest().size(), 64);
}

TEST(ByteTokenizer, RefusesSpecialTokensThatCannotBe) {
  for (const std::vector<std::string>& special :
       {std::vector<std::string>{""}, {"a"}, {"\u00E9"}, {"<x>", "<x>"}, {std::string("<\xFF>")}}) {
    EXPECT_THAT(error_of([&] { Tokenizer::bytes(special); }), HasSubstr("special token: expected"))
        << special[0];
  }
}

TEST(Tokenizer, MergesWithinWordsAndNotAcross) {
  const Tokenizer tokenizer =
      load(small_tokenizer({{"a", "b"}, {"b", "\u0120"}, {"\u0120", "a"}, {"\u0120a", "b"}}));
  EXPECT_THAT(pieces(tokenizer, "ab ab"), ElementsAre("ab", " ", "ab"))
      << "a b comes before the space's merge";
  EXPECT_THAT(pieces(tokenizer, "b a"), ElementsAre("b", " a"));
}

TEST(Tokenizer, MergesMayBeStringsOrPairs) {
  json file = small_tokenizer({{"a", "b"}, {"ab", "c"}});
  const Ids from_pairs = load(file).encode("abcab");
  file["model"]["merges"] = {"a b", "ab c"};
  EXPECT_EQ(load(file).encode("abcab"), from_pairs);
  EXPECT_THAT(from_pairs, ElementsAre(257, 256));
}

// What Llama 3's file has: ignore_merges, and added tokens above the vocabulary with a gap in between.
TEST(Tokenizer, IgnoreMergesAndAddedTokensWorkTogether) {
  json file = small_tokenizer({{"a", "b"}});
  file["model"]["vocab"]["\u0120cab"] = 300;
  file["model"]["ignore_merges"] = true;
  file["added_tokens"] = {added_token(310, "<|eot_id|>")};
  const Tokenizer tokenizer = load(file);
  EXPECT_THAT(tokenizer.encode(" cab<|eot_id|> cabab"), ElementsAre(300, 310, ' ', 'c', 256, 256));
  EXPECT_EQ(tokenizer.size(), 311);
  EXPECT_TRUE(tokenizer.contains(300));
  EXPECT_FALSE(tokenizer.contains(305));
}

TEST(Tokenizer, IdsWithoutATokenAreRefused) {
  json file = small_tokenizer();
  file["added_tokens"] = {added_token(300, "<x>")};
  const Tokenizer tokenizer = load(file);
  for (const TokenId id : {-1, 299, 301, INT32_MIN, INT32_MAX}) {
    EXPECT_FALSE(tokenizer.contains(id));
    EXPECT_FALSE(tokenizer.is_special(id));
    EXPECT_EQ(
        error_of([&] {
          (void)tokenizer.decode(Ids{65, id});
        }),
        fmt::format("tokenizer.json: token id: expected one that has a token, below 301, found {}", id));
  }
}

TEST(Tokenizer, NormalizesToNfc) {
  json file = small_tokenizer({{"\u00C3", "\u00A9"}});  // the two bytes of U+00E9
  EXPECT_EQ(load(file).encode("e\u0301").size(), 3);
  file["normalizer"] = {{"type", "NFC"}};
  EXPECT_THAT(load(file).encode("e\u0301"), ElementsAre(256));
  file["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}}}};
  EXPECT_THAT(load(file).encode("e\u0301"), ElementsAre(256));
}

TEST(Tokenizer, AddedTokensAreSoughtBeforeOrAfterNormalization) {
  json file = small_tokenizer();
  file["normalizer"] = {{"type", "NFC"}};
  file["added_tokens"] = {added_token(256, "[e\u0301]"), added_token(257, "{e\u0301}")};
  file["added_tokens"][1]["normalized"] = true;
  const Tokenizer tokenizer = load(file);
  EXPECT_THAT(tokenizer.encode("[e\u0301]"), ElementsAre(256));
  EXPECT_EQ(tokenizer.encode("[\u00E9]").size(), 4) << "sought as given: other code points";
  EXPECT_THAT(tokenizer.encode("{e\u0301}"), ElementsAre(257));
  EXPECT_THAT(tokenizer.encode("{\u00E9}"), ElementsAre(257));
}

TEST(Tokenizer, TheLongestAddedTokenWins) {
  json file = small_tokenizer();
  file["added_tokens"] = {added_token(256, "<a"), added_token(257, "<a>"), added_token(258, "a>b")};
  EXPECT_THAT(load(file).encode("<a>b<a"), ElementsAre(257, 'b', 256));
}

TEST(Tokenizer, AddedTokensSwallowWhiteSpaceAsAsked) {
  json file = small_tokenizer();
  file["added_tokens"] = {added_token(256, "<l>"), added_token(257, "<r>")};
  file["added_tokens"][0]["lstrip"] = true;
  file["added_tokens"][1]["rstrip"] = true;
  const Tokenizer tokenizer = load(file);
  EXPECT_THAT(tokenizer.encode("a \u00A0\n<l> b"), ElementsAre('a', 256, ' ', 'b'));
  EXPECT_THAT(tokenizer.encode("a <r>\t\u2003b"), ElementsAre('a', ' ', 257, 'b'));
  EXPECT_THAT(tokenizer.encode("<r>  <l>"), ElementsAre(257, 256));
  EXPECT_THAT(tokenizer.encode("  <l>"), ElementsAre(256));
}

TEST(Tokenizer, SingleWordTokensStandBetweenOtherCharacters) {
  json file = small_tokenizer();
  file["added_tokens"] = {added_token(256, "cat")};
  file["added_tokens"][0]["single_word"] = true;
  const Tokenizer tokenizer = load(file);
  EXPECT_THAT(tokenizer.encode("cat.cat"), ElementsAre(256, '.', 256));
  EXPECT_THAT(tokenizer.encode("cats"), ElementsAre('c', 'a', 't', 's'));
  EXPECT_EQ(tokenizer.encode("\u00E9cat").size(), 5);
  EXPECT_THAT(tokenizer.encode("_cat"), ElementsAre('_', 'c', 'a', 't'));
}

TEST(Tokenizer, AddedTokensDecodeToTheirContentWhateverItsCharacters) {
  json file = small_tokenizer();
  file["added_tokens"] = {added_token(256, "caf\u00E9 \u0120 \uFF5C", false)};
  const Tokenizer tokenizer = load(file);
  const std::string text = "x caf\u00E9 \u0120 \uFF5C";
  EXPECT_EQ(tokenizer.encode(text).size(), 3);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  EXPECT_EQ(tokenizer.decode(Ids{256}, true), tokenizer.token_bytes(256)) << "added, but not special";
}

TEST(Tokenizer, BytesThatAreNotUtf8CountAsReplacements) {
  const Tokenizer tokenizer = load(small_tokenizer());
  EXPECT_EQ(tokenizer.encode("a\xFF\xE4\xB8z"), tokenizer.encode("a\uFFFD\uFFFDz"));
  EXPECT_EQ(tokenizer.decode(Ids{'a', 0xFF, 0xE4, 0xB8}), "a\uFFFD\uFFFD");
  EXPECT_EQ(tokenizer.encode("\xE4"), tokenizer.encode("\uFFFD"));
  EXPECT_EQ(tokenizer.encode(std::string_view("\0a", 2)), (Ids{0, 'a'}));
}

TEST(Tokenizer, EncodesFromSeveralThreads) {
  const Tokenizer tokenizer = load(small_tokenizer({{"a", "b"}, {"ab", "ab"}}));
  std::string text;
  for (int i = 0; i < 500; ++i) {
    text += "abab 12 caf\u00E9!\n";
  }
  const Ids expected = tokenizer.encode(text);
  std::vector<Ids> found(4);
  {
    std::vector<std::jthread> threads;
    for (Ids& ids : found) {
      threads.emplace_back([&ids, &text, tokenizer] { ids = tokenizer.encode(text); });
    }
  }
  EXPECT_THAT(found, ::testing::Each(expected));
}

// With quadratic work this would take minutes.
TEST(Tokenizer, LongRunsStayCheap) {
  std::vector<std::pair<std::string, std::string>> merges;
  for (const std::string unit : {"a", "\u0120"}) {
    for (std::string run = unit; run.size() < 32 * unit.size(); run += run) {
      merges.emplace_back(run, run);
    }
  }
  const Tokenizer tokenizer = load(small_tokenizer(merges));
  EXPECT_EQ(tokenizer.encode(std::string(200'000, 'a')), Ids(200'000 / 32, 256 + 4));
  EXPECT_EQ(tokenizer.encode(std::string(200'000, ' ')), Ids(200'000 / 32, 256 + 9));
  EXPECT_EQ(tokenizer.encode(std::string(200'001, ' ') + "x").size(), 200'000 / 32 + 2);
}

TEST(Tokenizer, ReadsFilesAndTheirDigest) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "reprise_tokenizer_test.json";
  std::ofstream(path) << small_tokenizer().dump();
  const Tokenizer tokenizer = Tokenizer::from_file(path);
  EXPECT_EQ(tokenizer.digest(), load(small_tokenizer()).digest());
  EXPECT_NE(tokenizer.digest(), load(small_tokenizer({{"a", "b"}})).digest());
  std::filesystem::remove(path);
  EXPECT_THAT(error_of([&] { Tokenizer::from_file(path); }), HasSubstr(path.string()));
}

TEST(StreamingDecoder, HoldsTheBeginningOfACharacterBack) {
  StreamingDecoder stream(Tokenizer::bytes());
  EXPECT_EQ(stream.push('a'), "a");
  EXPECT_EQ(stream.push(0xF0), "");
  EXPECT_EQ(stream.push(0x9F), "");
  EXPECT_EQ(stream.push(0x99), "");
  EXPECT_EQ(stream.push(0x82), "\U0001F642");
  EXPECT_EQ(stream.finish(), "");
}

TEST(StreamingDecoder, ReplacesWhatCannotBecomeACharacter) {
  StreamingDecoder stream(Tokenizer::bytes());
  EXPECT_EQ(stream.push(0xE4), "");
  EXPECT_EQ(stream.push('a'), "\uFFFDa");
  EXPECT_EQ(stream.push(0xFF), "\uFFFD");
  EXPECT_EQ(stream.push(0xE4), "");
  EXPECT_EQ(stream.push(0xB8), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.push('b'), "b") << "a new stream";
}

TEST(StreamingDecoder, SkipsSpecialTokensAndSurvivesUnknownIds) {
  const std::vector<std::string> special = {"<eos>"};
  StreamingDecoder stream(Tokenizer::bytes(special), true);
  EXPECT_EQ(stream.push(0xC3), "");
  EXPECT_EQ(stream.push(256), "");
  EXPECT_THROW(stream.push(257), Error);
  EXPECT_EQ(stream.push(0xA9), "\u00E9");
}

}  // namespace
}  // namespace reprise::engine::testing
