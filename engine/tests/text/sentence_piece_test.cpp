// SentencePiece by the definition: hand-made vocabularies, and a plain implementation as the yardstick.
#include "engine/text/sentence_piece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>

#include "engine/tests/text/tokenizer_fixtures.h"
#include "engine/text/utf8.h"

namespace reprise::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr TokenId kFirstPiece = 259;

std::vector<std::string> pieces_of(const TokenizerSpec& spec, std::string_view text) {
  return pieces(Tokenizer::from_spec(spec), text);
}

/// The definition, in the plainest way: of all neighbours that make a token, join those of the best score,
/// the leftmost among equals, and start again. Gives spellings.
std::vector<std::string> merged_plainly(const std::map<std::string, float>& scores,
                                        std::string_view spelled) {
  std::vector<std::string> symbols;
  while (!spelled.empty()) {
    const std::size_t size = first_utf8_step(spelled).size;
    symbols.emplace_back(spelled.substr(0, size));
    spelled.remove_prefix(size);
  }
  while (true) {
    auto best = scores.end();
    std::size_t where = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto joined = scores.find(symbols[i] + symbols[i + 1]);
      if (joined != scores.end() && (best == scores.end() || joined->second > best->second)) {
        best = joined;
        where = i;
      }
    }
    if (best == scores.end()) {
      return symbols;
    }
    symbols[where] += symbols[where + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
}

TEST(SentencePiece, MergesTheBestScoreFirstAndTheLeftmostAmongEquals) {
  const TokenizerSpec spec = small_pieces(
      {{"a", -9}, {"b", -9}, {"c", -9}, {"ab", -2}, {"bc", -1}, {"aa", -3}, {"ba", -3}}, true, false);
  EXPECT_THAT(pieces_of(spec, "abc"), ElementsAre("a", "bc")) << "bc is better than ab";
  EXPECT_THAT(pieces_of(spec, "ab"), ElementsAre("ab"));
  EXPECT_THAT(pieces_of(spec, "aaa"), ElementsAre("aa", "a"));
  EXPECT_THAT(pieces_of(spec, "aac"), ElementsAre("aa", "c"));
  const TokenizerSpec tied = small_pieces({{"x", -9}, {"y", -9}, {"xy", -1}, {"yx", -1}}, true, false);
  EXPECT_THAT(pieces_of(tied, "xyxyx"), ElementsAre("xy", "xy", "x")) << "a tie of two tokens";
  EXPECT_THAT(pieces_of(tied, "yxyxy"), ElementsAre("yx", "yx", "y"));
}

// "aaa" can be made as a + aa and as aa + a: one token, one score.
TEST(SentencePiece, ATokenHasOneScoreHoweverItIsMade) {
  const TokenizerSpec spec =
      small_pieces({{"a", -9}, {"b", -9}, {"aa", -1}, {"aaa", -3}, {"ab", -2}}, true, false);
  EXPECT_THAT(pieces_of(spec, "aaa"), ElementsAre("aaa")) << "aa + a";
  EXPECT_THAT(pieces_of(spec, "aaaaa"), ElementsAre("aa", "aaa")) << "aa aa a: only the last two go together";
  EXPECT_THAT(pieces_of(spec, "aaab"), ElementsAre("aa", "ab")) << "ab before aaa";
  EXPECT_THAT(pieces_of(spec, "aaba"), ElementsAre("aa", "b", "a"));
}

TEST(SentencePiece, MergesAcrossWordsAndWhatIsNoTokenByItself) {
  const TokenizerSpec spec =
      small_pieces({{"a", -9}, {" ", -9}, {"b", -9}, {"b a", -1}, {"b ", -2}}, true, false);
  EXPECT_THAT(pieces_of(spec, "b a"), ElementsAre("b a"));
  const TokenizerSpec no_letters = small_pieces({{"xy", -1}}, true, false);
  EXPECT_THAT(pieces_of(no_letters, "xyx"), ElementsAre("xy", "x")) << "neither x nor y is a token, xy is";
}

TEST(SentencePiece, ASpaceIsPutBeforeTextWhereTheTokenizerWantsIt) {
  const std::vector<std::pair<std::string, float>> some = {{" ", -8}, {"a", -9}, {" a", -1}, {"  ", -2}};
  EXPECT_THAT(pieces_of(small_pieces(some), "a a"), ElementsAre(" a", " a"));
  EXPECT_THAT(pieces_of(small_pieces(some), "  a"), ElementsAre("  ", " a")) << "three spaces";
  EXPECT_THAT(pieces_of(small_pieces(some), " "), ElementsAre("  "));
  EXPECT_THAT(pieces_of(small_pieces(some, true, false), "a a"), ElementsAre("a", " a"));
  EXPECT_TRUE(pieces_of(small_pieces(some), "").empty()) << "and none for no text";
}

TEST(SentencePiece, TheMarkItselfIsASpace) {
  const TokenizerSpec spec = small_pieces({{" ", -8}, {"a", -9}, {" a", -1}}, true, false);
  EXPECT_THAT(pieces_of(spec, "a\u2581a"), ElementsAre("a", " a"));
}

TEST(SentencePiece, CharactersWithoutATokenBecomeTheirBytes) {
  const Tokenizer tokenizer = Tokenizer::from_spec(small_pieces({{"a", -1}}, true, false));
  EXPECT_THAT(tokenizer.encode("a\u00E9a"), ElementsAre(kFirstPiece, 3 + 0xC3, 3 + 0xA9, kFirstPiece));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("a\u00E9\n\u4E16")), "a\u00E9\n\u4E16");
  EXPECT_THAT(tokenizer.encode("\xFF"), ElementsAre(3 + 0xEF, 3 + 0xBF, 3 + 0xBD)) << "no UTF-8: U+FFFD";
  EXPECT_EQ(tokenizer.token_bytes(3 + 0xC3), "\xC3");
}

TEST(SentencePiece, BytesAndControlTokensAreNeverMadeOfText) {
  TokenizerSpec spec = small_pieces({{"<", -1}, {"0x0A>", -1}, {"x", -1}, {"s>", -1}}, true, false);
  const Ids ids = Tokenizer::from_spec(spec).encode("<0x0A>");
  EXPECT_THAT(ids, ::testing::Not(::testing::Contains(3 + 0x0A))) << "the text of a byte token is no byte";
  EXPECT_EQ(Tokenizer::from_spec(spec).decode(ids), "<0x0A>");
  spec.added_tokens[1].single_word = true;  // so that it isn't found between letters
  EXPECT_THAT(pieces_of(spec, "x<s>"), ElementsAre("x", "<", "s>"));
}

TEST(SentencePiece, UnknownCharactersBecomeTheUnknownTokenOrAnError) {
  TokenizerSpec spec = small_pieces({{"a", -1}}, false, false);
  EXPECT_THAT(Tokenizer::from_spec(spec).encode("a!?a!"), ElementsAre(3, 0, 3, 0)) << "fused";
  spec.fuse_unknown = false;
  EXPECT_THAT(Tokenizer::from_spec(spec).encode("a!?a"), ElementsAre(3, 0, 0, 3));
  spec.unknown_token.clear();
  EXPECT_EQ(line_of([&] { (void)Tokenizer::from_spec(spec).encode("a\u00E9"); }),
            R"(pieces: tokens: expected a token for '\xc3\xa9' of the text, found none)");
}

TEST(SentencePiece, ACharacterNeedsTheTokensOfAllItsBytes) {
  TokenizerSpec spec = small_pieces({{"a", -1}}, true, false);
  std::erase_if(spec.vocabulary, [](const auto& entry) { return entry.spelling == "<0xA9>"; });
  EXPECT_THAT(Tokenizer::from_spec(spec).encode("\u00E9\u00E8"), ElementsAre(0, 3 + 0xC3, 3 + 0xA8));
}

TEST(SentencePiece, ControlTokensInTheTextAreRecognised) {
  const TokenizerSpec spec = small_pieces({{" ", -8}, {"a", -9}, {" a", -1}, {"s", -9}});
  const Tokenizer tokenizer = Tokenizer::from_spec(spec);
  const TokenId a = *tokenizer.id_of(" a");
  EXPECT_THAT(tokenizer.encode("<s>a</s>a"), ElementsAre(1, a, 2, a)) << "each text has its space";
  EXPECT_THAT(tokenizer.encode("<s></s>"), ElementsAre(1, 2));
  EXPECT_TRUE(tokenizer.is_special(1));
  EXPECT_EQ(tokenizer.id_of("<s>"), 1);
}

TEST(SentencePiece, AddedTokensMayBeSoughtInNormalizedText) {
  TokenizerSpec spec = small_pieces({{" ", -8}, {"a", -9}, {" a", -1}});
  spec.added_tokens.push_back({.content = "x y", .id = 500, .normalized = true});
  EXPECT_THAT(Tokenizer::from_spec(spec).encode("x y a"), ElementsAre(500, kFirstPiece + 2));
  EXPECT_THAT(Tokenizer::from_spec(spec).encode("a x y"), ElementsAre(kFirstPiece + 2, 500))
      << "its own space before it, as Hugging Face tokenizers has it";
}

TEST(SentencePiece, DecodingDropsTheSpaceBeforeTheText) {
  TokenizerSpec spec = small_pieces({{" ", -8}, {"a", -9}, {" a", -1}});
  spec.added_tokens.push_back({.content = " u", .id = 500});
  const Tokenizer tokenizer = Tokenizer::from_spec(spec);
  const TokenId a = *tokenizer.id_of(" a");
  const TokenId space = *tokenizer.id_of(" ");
  EXPECT_EQ(tokenizer.decode(Ids{a, a}), "a a");
  EXPECT_EQ(tokenizer.decode(Ids{1, a, a}), "<s>a a");
  EXPECT_EQ(tokenizer.decode(Ids{1, 1, a, a}, true), "a a");
  EXPECT_EQ(tokenizer.decode(Ids{a, 1, a}), "a<s> a") << "only at the start";
  EXPECT_EQ(tokenizer.decode(Ids{space, a}), " a") << "only one space";
  EXPECT_EQ(tokenizer.decode(Ids{3 + ' ', a}), " a") << "even as a byte";
  EXPECT_EQ(tokenizer.decode(Ids{500, a}), " u a") << "an added token decodes to its content";
  EXPECT_EQ(tokenizer.token_bytes(a), " a");
  spec.space_prefix = false;
  EXPECT_EQ(Tokenizer::from_spec(spec).decode(Ids{a, a}), " a a");
}

TEST(SentencePiece, StreamsBeginAnewAfterTheirEnd) {
  const Tokenizer tokenizer = Tokenizer::from_spec(small_pieces({{" ", -8}, {"a", -9}, {" a", -1}}));
  const TokenId a = *tokenizer.id_of(" a");
  StreamingDecoder stream(tokenizer, true);
  EXPECT_EQ(stream.push(1), "");
  EXPECT_EQ(stream.push(a), "a");
  EXPECT_EQ(stream.push(1), "");
  EXPECT_EQ(stream.push(a), " a");
  EXPECT_THROW(stream.push(9999), Error);
  EXPECT_EQ(stream.push(3 + 0xC3), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.push(a), "a");
}

TEST(SentencePiece, APieceIsPreferredToTheByteItStandsFor) {
  const Tokenizer tokenizer = Tokenizer::from_spec(small_pieces({{"a", -1}}));
  EXPECT_EQ(tokenizer.id_of("a"), kFirstPiece);
  EXPECT_EQ(tokenizer.id_of("b"), 3 + 'b') << "the byte, where there is nothing else";
  EXPECT_EQ(tokenizer.token_bytes(3 + 'a'), "a");
}

/// A vocabulary of random strings over few letters and few scores, so that ties are common.
TokenizerSpec random_pieces(std::mt19937& random, const std::vector<std::string>& letters) {
  std::map<std::string, float> scores;
  for (const std::string& letter : letters) {
    if (random() % 4 != 0) {
      scores[letter] = -20;
    }
  }
  std::vector<std::string> made = letters;
  for (int i = 0; i < 14; ++i) {
    made.push_back(made[random() % made.size()] + made[random() % made.size()]);
    scores[made.back()] = -static_cast<float>(random() % 6);
  }
  return small_pieces({scores.begin(), scores.end()}, true, random() % 2 == 0);
}

TEST(SentencePiece, EqualsThePlainDefinitionOnRandomVocabulariesAndTexts) {
  std::mt19937 random(21);
  const std::vector<std::string> letters = {"a", "b", " ", "\u00E9", "\U0001F642"};
  for (int round = 0; round < 300; ++round) {
    const TokenizerSpec spec = random_pieces(random, letters);
    const SentencePiece encoder(spec);
    SentencePiece::Scratch scratch;
    std::map<std::string, float> scores;
    std::map<std::string, TokenId> ids;
    for (const auto& entry : spec.vocabulary) {
      ids[entry.spelling] = entry.id;
      if (entry.id >= kFirstPiece) {
        scores[entry.spelling] = entry.score;
      }
    }
    for (int i = 0; i < 20; ++i) {
      std::string text;
      for (auto n = random() % 40; n > 0; --n) {
        text += letters[random() % letters.size()];
      }
      Ids expected;
      for (const std::string& symbol : merged_plainly(scores, encoder.spell(text))) {
        if (scores.contains(symbol)) {
          expected.push_back(ids[symbol]);
          continue;
        }
        for (const char byte : symbol) {
          expected.push_back(ids[spell_byte_piece(static_cast<std::uint8_t>(byte))]);
        }
      }
      Ids found;
      encoder.encode(encoder.spell(text), scratch, found);
      ASSERT_EQ(found, expected) << text;
    }
  }
}

TEST(SentencePiece, StreamingEqualsDecodingForAnyIds) {
  std::mt19937 random(22);
  for (int round = 0; round < 2000; ++round) {
    const bool prefix = random() % 2 == 0;
    const Tokenizer tokenizer =
        Tokenizer::from_spec(small_pieces({{" ", -8}, {"a", -9}, {" a", -1}, {"\u00E9", -2}}, true, prefix));
    Ids ids(random() % 12);
    std::ranges::generate(ids, [&] {
      return random() % 2 == 0 ? static_cast<TokenId>(random() % tokenizer.size())
                               : kFirstPiece + static_cast<TokenId>(random() % 4);
    });
    const bool skip_special = random() % 2 == 0;
    StreamingDecoder stream(tokenizer, skip_special);
    std::string streamed;
    for (const TokenId id : ids) {
      streamed += stream.push(id);
    }
    ASSERT_EQ(streamed + stream.finish(), tokenizer.decode(ids, skip_special));
  }
}

// With quadratic work this would take minutes.
TEST(SentencePiece, LongTextsStayCheap) {
  std::vector<std::pair<std::string, float>> some = {{"a", -99}};
  for (std::size_t n = 2; n <= 1024; n *= 2) {
    some.emplace_back(std::string(n, 'a'), -static_cast<float>(n));
  }
  const Tokenizer tokenizer = Tokenizer::from_spec(small_pieces(some, true, false));
  EXPECT_EQ(tokenizer.encode(std::string(1'024'000, 'a')), Ids(1000, kFirstPiece + 10));
  EXPECT_EQ(tokenizer.encode(std::string(500'000, '!')), Ids(500'000, 3 + '!'));
}

TEST(SentencePiece, RefusesScoresThatAreNoNumbersAndUnknownTokensThatAreNone) {
  TokenizerSpec spec = small_pieces({{"a", std::numeric_limits<float>::quiet_NaN()}});
  EXPECT_EQ(line_of([&] { Tokenizer::from_spec(spec); }),
            "pieces: tokens: expected a finite score for 'a', found nan");
  spec.vocabulary.back().score = -std::numeric_limits<float>::infinity();
  EXPECT_THAT(line_of([&] { Tokenizer::from_spec(spec); }), HasSubstr("found -inf"));
  spec.vocabulary.back().score = 0;
  spec.unknown_token = "<what>";
  EXPECT_EQ(line_of([&] { Tokenizer::from_spec(spec); }),
            "pieces: tokens: expected the unknown token '<what>', found none of that name");
  spec = small_pieces({{"a", 0}, {"a", -1}});
  EXPECT_EQ(line_of([&] { Tokenizer::from_spec(spec); }),
            "pieces: tokens: expected each token once, found 'a' twice");
}

TEST(PieceSpelling, SpacesAndBytesThereAndBack) {
  EXPECT_EQ(spell_piece(" a  b"), "\u2581a\u2581\u2581b");
  EXPECT_EQ(spelled_piece("\u2581a\u2581\u2581b"), " a  b");
  EXPECT_EQ(spell_piece(""), "");
  EXPECT_EQ(spell_byte_piece(0x0A), "<0x0A>");
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(spelled_byte_piece(spell_byte_piece(static_cast<std::uint8_t>(byte))), byte);
  }
  EXPECT_EQ(spelled_byte_piece("<0xfe>"), 0xFE);
  for (const char* other :
       {"", "<0x0A", "<0x0G>", "<0x0A>>", "[0x0A]", "<0x-A>", "<0x A>", "<0xA>", "<1x0A>"}) {
    EXPECT_EQ(spelled_byte_piece(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace reprise::engine::testing
