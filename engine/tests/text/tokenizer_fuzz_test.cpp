// Seeded random text, ids and files: worth most when built with sanitizers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "engine/core/error.h"
#include "engine/tests/text/tokenizer_fixtures.h"
#include "engine/text/utf8.h"

namespace reprise::engine::testing {
namespace {

/// Fragments that tokenizers treat specially, and raw bytes.
std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> kFragments = {
      "a",      "b",        "ab",   " ",    "  ",     "\n",      "\r\n",   "\t",     "'s",
      "'LL",    "12",       "<s>",  "<s",   "\u00E9", "e\u0301", "\u4E16", "\u0120", "\u2003",
      "\u0085", "\xF0\x9F", "\xE2", "\xFF", "_",      "!?",      "\u00BD"};
  std::string text;
  for (auto i = random() % 24; i > 0; --i) {
    text += random() % 8 == 0 ? std::string(1, static_cast<char>(random()))
                              : kFragments[random() % kFragments.size()];
  }
  return text;
}

json varied_tokenizer() {
  json file = small_tokenizer({{"a", "b"}, {"\u0120", "a"}, {"ab", "ab"}, {"\u00C3", "\u00A9"}, {"1", "2"}});
  file["added_tokens"] = {added_token(300, "<s>"), added_token(301, "\u4E16", false)};
  file["pre_tokenizer"] = sequence({split({{"Regex", "\\p{N}{1,3}|\\s+(?!\\S)|\\s+"}}), byte_level(true)});
  return file;
}

TEST(TokenizerFuzz, DecodingGivesTheTextBack) {
  std::mt19937 random(11);
  const std::vector<std::string> special = {"<s>"};
  const Tokenizer tokenizers[] = {Tokenizer::bytes(special), load(small_tokenizer()),
                                  load(varied_tokenizer())};
  for (int round = 0; round < 3000; ++round) {
    const std::string text = random_text(random);
    for (const Tokenizer& tokenizer : tokenizers) {
      ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), replace_invalid_utf8(text));
    }
  }
}

TEST(TokenizerFuzz, NfcTokenizersGiveTheNormalizedTextBack) {
  std::mt19937 random(12);
  json file = small_tokenizer();
  file["normalizer"] = {{"type", "NFC"}};
  const Tokenizer tokenizer = load(file);
  for (int round = 0; round < 1000; ++round) {
    const std::string text = random_text(random);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), to_nfc(replace_invalid_utf8(text)));
  }
}

TEST(TokenizerFuzz, PublishedTokenizersGiveTheTextBack) {
  REPRISE_NEEDS_DATA("tokenizers");
  std::mt19937 random(13);
  for (int round = 0; round < 2000; ++round) {
    const std::string text = random_text(random);
    const std::string valid = replace_invalid_utf8(text);
    ASSERT_EQ(published("gpt2").decode(published("gpt2").encode(text)), valid);
    ASSERT_EQ(published("qwen3").decode(published("qwen3").encode(text)), to_nfc(valid));
  }
}

TEST(TokenizerFuzz, StreamingEqualsDecodingForAnyIds) {
  std::mt19937 random(14);
  const Tokenizer tokenizer = load(varied_tokenizer());
  for (int round = 0; round < 3000; ++round) {
    Ids ids(random() % 16);
    std::ranges::generate(ids,
                          [&] { return random() % 9 == 0 ? 300 : static_cast<TokenId>(random() % 261); });
    const bool skip_special = random() % 2 == 0;
    StreamingDecoder stream(tokenizer, skip_special);
    std::string streamed;
    for (const TokenId id : ids) {
      const std::string piece = stream.push(id);
      ASSERT_TRUE(is_valid_utf8(piece));
      streamed += piece;
    }
    ASSERT_EQ(streamed + stream.finish(), tokenizer.decode(ids, skip_special));
  }
}

// Whatever happens to a file, it loads or is refused with one line.
TEST(TokenizerFuzz, DamagedFilesLoadOrAreRefused) {
  std::mt19937 random(15);
  const std::string good = varied_tokenizer().dump();
  const std::string bytes = "{}[]\",:0123456789-.aeu\\ \n(*+?^$)";
  int refused = 0;
  constexpr int kRounds = 1500;
  for (int round = 0; round < kRounds; ++round) {
    std::string text = good;
    for (auto i = 1 + random() % 3; i > 0; --i) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = bytes[random() % bytes.size()];
          break;
        case 1:
          text.erase(at, 1 + random() % 8);
          break;
        default:
          text.insert(at, 1, static_cast<char>(random()));
      }
    }
    try {
      const Tokenizer tokenizer = Tokenizer::from_json(text, "tokenizer.json");
      (void)tokenizer.decode(tokenizer.encode("ab 12 \u00E9<s>  \n"));
    } catch (const Error& error) {
      ++refused;
      const std::string line = error.what();
      ASSERT_EQ(line.find_first_of("\n\r"), std::string::npos) << line;
      ASSERT_TRUE(line.starts_with("tokenizer.json: ")) << line;
    }
  }
  EXPECT_GT(refused, kRounds / 2);
  EXPECT_LT(refused, kRounds);
}

}  // namespace
}  // namespace reprise::engine::testing
