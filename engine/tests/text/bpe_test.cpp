#include "engine/text/bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "engine/core/error.h"
#include "engine/text/byte_alphabet.h"

namespace reprise::engine {
namespace {

using Ids = std::vector<TokenId>;
using Merges = std::vector<std::pair<std::string, std::string>>;

/// The lower-case letters are tokens 0 to 25; merges that make new tokens follow.
TokenizerSpec letters(const Merges& merges) {
  TokenizerSpec spec;
  spec.name = "letters";
  std::set<std::string> known;
  const auto add = [&](const std::string& spelling) {
    if (known.insert(spelling).second) {
      spec.vocabulary.push_back({spelling, static_cast<TokenId>(spec.vocabulary.size())});
    }
  };
  for (char c = 'a'; c <= 'z'; ++c) {
    add(std::string(1, c));
  }
  for (const auto& [left, right] : merges) {
    add(left + right);
  }
  spec.merges = merges;
  return spec;
}

class Encoder {
 public:
  explicit Encoder(const TokenizerSpec& spec)
      : spellings_(index_spellings(spec)),
        vocabulary_(spec, spellings_),
        bpe_(spec, spellings_, vocabulary_) {}

  Ids ids(std::string_view word) {
    Ids result;
    bpe_.encode(word, scratch_, result);
    return result;
  }
  std::vector<std::string> pieces(std::string_view word) {
    std::vector<std::string> result;
    for (const TokenId id : ids(word)) {
      result.emplace_back(vocabulary_.bytes(id));
    }
    return result;
  }

 private:
  SpellingIndex spellings_;
  Vocabulary vocabulary_;
  Bpe bpe_;
  Bpe::Scratch scratch_;
};

/// The definition, in the plainest way: look at all pairs, merge the best and leftmost, start again.
std::vector<std::string> merged_plainly(const Merges& merges, std::string_view word) {
  std::vector<std::string> pieces;
  for (const char c : word) {
    pieces.emplace_back(1, c);
  }
  while (true) {
    auto best = merges.end();
    std::size_t where = 0;
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
      const auto merge = std::find(merges.begin(), best, std::pair(pieces[i], pieces[i + 1]));
      if (merge != best) {
        best = merge;
        where = i;
      }
    }
    if (best == merges.end()) {
      return pieces;
    }
    pieces[where] += pieces[where + 1];
    pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
}

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Bpe, MergesTheBestPairFirstAndTheLeftmostAmongEquals) {
  Encoder encoder(letters({{"b", "c"}, {"a", "b"}, {"a", "a"}, {"ab", "c"}}));
  EXPECT_THAT(encoder.pieces("abc"), ElementsAre("a", "bc")) << "b c before a b";
  EXPECT_THAT(encoder.pieces("aaa"), ElementsAre("aa", "a"));
  EXPECT_THAT(encoder.pieces(""), ElementsAre());
  EXPECT_THAT(encoder.pieces("x"), ElementsAre("x"));
}

TEST(Bpe, EqualsThePlainDefinitionOnRandomMergesAndWords) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> tokens = {"a", "b", "c"};
    Merges merges;
    for (int i = 0; i < 12; ++i) {
      const std::pair merge(tokens[random() % tokens.size()], tokens[random() % tokens.size()]);
      if (std::find(merges.begin(), merges.end(), merge) == merges.end()) {
        merges.push_back(merge);
        tokens.push_back(merge.first + merge.second);
      }
    }
    Encoder encoder(letters(merges));
    for (int i = 0; i < 20; ++i) {
      std::string word(random() % 40, 'a');
      std::ranges::generate(word, [&] { return static_cast<char>('a' + random() % 3); });
      EXPECT_EQ(encoder.pieces(word), merged_plainly(merges, word)) << word;
    }
  }
}

TEST(Bpe, IgnoreMergesTakesAWholeWordButOnlyAWholeOne) {
  TokenizerSpec spec = letters({{"a", "b"}});
  spec.vocabulary.push_back({"cab", 27});
  EXPECT_THAT(Encoder(spec).pieces("cab"), ElementsAre("c", "ab"));
  spec.ignore_merges = true;
  EXPECT_THAT(Encoder(spec).ids("cab"), ElementsAre(27));
  EXPECT_THAT(Encoder(spec).pieces("cabx"), ElementsAre("c", "ab", "x"));
}

TEST(Bpe, UnknownBytesBecomeTheUnknownTokenOrAnError) {
  TokenizerSpec spec = letters({});
  try {
    Encoder(spec).ids("a!");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "letters: model.vocab: expected a token for byte 0x21 of the text, found none");
  }
  spec.vocabulary.push_back({"<unk>", 26});
  spec.unknown_token = "<unk>";
  EXPECT_THAT(Encoder(spec).ids("a!?b"), ElementsAre(0, 26, 26, 1));
  spec.fuse_unknown = true;
  EXPECT_THAT(Encoder(spec).ids("a!?b!"), ElementsAre(0, 26, 1, 26));
}

// With quadratic work this would take minutes.
TEST(Bpe, LongWordsStayCheap) {
  Merges merges;
  for (std::size_t n = 1; n < 1024; n *= 2) {
    merges.emplace_back(std::string(n, 'a'), std::string(n, 'a'));
  }
  Encoder encoder(letters(merges));
  const Ids ids = encoder.ids(std::string(1'024'000, 'a'));
  EXPECT_EQ(ids, Ids(1000, 35));
}

TEST(Bpe, RefusesMergesOfUnknownTokensAndRepeatedOnes) {
  const auto error_of = [](const TokenizerSpec& spec) -> std::string {
    try {
      Encoder encoder(spec);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(error_of(letters({{"a", "b"}, {"a", "b"}})),
            "letters: model.merges[1]: expected each merge once, found 'a b' again");
  TokenizerSpec spec = letters({});
  spec.merges = {{"a", "!"}};
  EXPECT_THAT(error_of(spec), HasSubstr("model.merges[0]: expected a merge of tokens"));
  spec.merges = {{"a", "b"}};
  EXPECT_THAT(error_of(spec), HasSubstr("found no token 'ab'")) << "the result is no token";
}

}  // namespace
}  // namespace reprise::engine
