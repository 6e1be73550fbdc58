// GGUF metadata written from a specification: what comes back, how it looks to others, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "engine/tests/text/tokenizer_fixtures.h"
#include "engine/text/named_splits.h"
#include "engine/text/tokenizer_digest.h"

namespace reprise::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TokenizerSpec some_pieces() {
  TokenizerSpec spec = small_pieces({{" ", -3}, {"a", -4}, {" a", -1}, {"\u00E9", -2}}, false);
  spec.added_tokens.push_back({.content = "<u v>", .id = 9});
  return spec;
}

TokenizerSpec some_words() {
  json file = small_tokenizer({{"a", "b"}, {"\u0120", "ab"}});
  file["added_tokens"] = {added_token(258, "<s>"), added_token(260, "caf\u00E9 x", false)};
  return read_tokenizer_json(file.dump(), "tokenizer.json");
}

std::string error_of(const TokenizerSpec& spec, const TokenizerFacts& facts = {},
                     std::int64_t n_vocab = 300) {
  return line_of([&] {
    GgufWriter writer;
    write_tokenizer_gguf(spec, facts, n_vocab, writer);
  });
}

TEST(TokenizerGgufWriter, WritesWhatLlamaCppReads) {
  GgufWriter writer;
  write_tokenizer_gguf(
      some_pieces(), {.bos = 1, .eos = 2, .eot = 9, .add_bos = true, .chat_template = "{{ x }}"}, 11, writer);
  const std::vector<std::byte> bytes = writer.to_bytes();
  const GgufFile file = GgufFile::parse(bytes, "m.gguf");
  EXPECT_EQ(file.text("tokenizer.ggml.model"), "llama");
  EXPECT_EQ(file.text("tokenizer.ggml.pre"), "default");
  EXPECT_THAT(file.texts("tokenizer.ggml.tokens"),
              ElementsAre("<unk>", "<s>", "</s>", "\u2581", "a", "\u2581a", "\u00E9", "[PAD7]", "[PAD8]",
                          "<u v>", "[PAD10]"));
  EXPECT_THAT(file.integers("tokenizer.ggml.token_type"), ElementsAre(2, 3, 3, 1, 1, 1, 1, 5, 5, 4, 5));
  EXPECT_THAT(file.numbers("tokenizer.ggml.scores"),
              ElementsAre(0, 0, 0, -3, -4, -1, -2, -10000, -10000, 0, -10000));
  EXPECT_TRUE(file.flag("tokenizer.ggml.add_space_prefix"));
  EXPECT_TRUE(file.flag("tokenizer.ggml.add_bos_token"));
  EXPECT_EQ(file.integer("tokenizer.ggml.bos_token_id"), 1);
  EXPECT_EQ(file.integer("tokenizer.ggml.eos_token_id"), 2);
  EXPECT_EQ(file.integer("tokenizer.ggml.eot_token_id"), 9);
  EXPECT_EQ(file.integer("tokenizer.ggml.unknown_token_id"), 0);
  EXPECT_EQ(file.text("tokenizer.chat_template"), "{{ x }}");
  EXPECT_FALSE(file.has("tokenizer.ggml.merges"));
  const TokenizerFacts facts = read_tokenizer_facts(file);
  EXPECT_EQ(facts.bos, 1);
  EXPECT_EQ(facts.eos, 2);
  EXPECT_EQ(facts.eot, 9);
  EXPECT_TRUE(facts.add_bos);
  EXPECT_EQ(facts.chat_template, "{{ x }}");
}

TEST(TokenizerGgufWriter, WritesByteLevelTokenizers) {
  GgufWriter writer;
  write_tokenizer_gguf(some_words(), {}, 262, writer);
  const std::vector<std::byte> bytes = writer.to_bytes();
  const GgufFile file = GgufFile::parse(bytes, "m.gguf");
  EXPECT_EQ(file.text("tokenizer.ggml.model"), "gpt2");
  EXPECT_EQ(file.text("tokenizer.ggml.pre"), "gpt-2");
  EXPECT_EQ(file.texts("tokenizer.ggml.tokens").size(), 262);
  EXPECT_EQ(file.texts("tokenizer.ggml.tokens")[257], "\u0120ab");
  EXPECT_EQ(file.texts("tokenizer.ggml.tokens")[259], "[PAD259]");
  EXPECT_THAT(file.texts("tokenizer.ggml.merges"), ElementsAre("a b", "\u0120 ab"));
  EXPECT_FALSE(file.has("tokenizer.ggml.scores"));
  EXPECT_FALSE(file.has("tokenizer.ggml.bos_token_id"));
  EXPECT_FALSE(file.has("tokenizer.chat_template"));
  EXPECT_FALSE(file.flag("tokenizer.ggml.add_bos_token"));
}

TEST(TokenizerGgufWriter, WhatIsReadBackIsTheSameTokenizer) {
  for (const TokenizerSpec& spec : {some_pieces(), some_words(), small_pieces({{"a", -1}}, true, false)}) {
    EXPECT_EQ(tokenizer_digest(through_gguf(spec, 300)), tokenizer_digest(spec));
  }
  const Tokenizer tokenizer = Tokenizer::from_spec(through_gguf(some_words(), 300));
  EXPECT_THAT(tokenizer.encode("ab ab<s>caf\u00E9 x"), ElementsAre(256, 257, 258, 260));
  EXPECT_FALSE(tokenizer.contains(259));
}

TEST(TokenizerGgufWriter, RefusesModelsThatAreTooSmallAndIdsOutsideThem) {
  EXPECT_EQ(error_of(some_pieces(), {}, 10), "no error");
  EXPECT_EQ(error_of(some_pieces(), {}, 9), "pieces: expected a model of 10 to 16777217 tokens, found 9");
  EXPECT_EQ(error_of(some_pieces(), {}, -1), "pieces: expected a model of 10 to 16777217 tokens, found -1");
  EXPECT_EQ(error_of(some_pieces(), {}, std::int64_t{1} << 40),
            "pieces: expected a model of 10 to 16777217 tokens, found 1099511627776");
  EXPECT_EQ(error_of(some_pieces(), {.bos = 10}, 10),
            "pieces: tokenizer.ggml.bos_token_id: expected an id below 10, found 10");
  EXPECT_EQ(error_of(some_pieces(), {.eot = -1}, 10),
            "pieces: tokenizer.ggml.eot_token_id: expected an id below 10, found -1");
}

TEST(TokenizerGgufWriter, RefusesWhatGgufHasNoPlaceFor) {
  TokenizerSpec spec = some_words();
  spec.word_splits[0].pattern = "x";
  EXPECT_EQ(error_of(spec), "tokenizer.json: pre_tokenizer: expected words cut (and normalized) as one of " +
                                known_split_names() + " does, found another way");
  spec = some_words();
  spec.added_tokens[0].lstrip = true;
  EXPECT_EQ(error_of(spec),
            "tokenizer.json: added_tokens: expected tokens that GGUF can state, found that '<s>' swallows "
            "white space");
  spec = some_words();
  spec.added_tokens[0].single_word = true;
  EXPECT_THAT(error_of(spec), HasSubstr("'<s>' is a single word"));
  spec = some_words();
  spec.added_tokens[0].normalized = true;
  EXPECT_EQ(error_of(spec), "no error") << "nothing is normalized";
  spec = some_pieces();
  spec.added_tokens[1].normalized = true;
  EXPECT_THAT(error_of(spec), HasSubstr("'<s>' is sought in normalized text"));
  spec = some_words();
  spec.unknown_token = "a";
  spec.fuse_unknown = true;
  EXPECT_EQ(error_of(spec),
            "tokenizer.json: model.vocab: expected unknown tokens not to be fused, found the contrary");
  spec = some_words();
  spec.merges.emplace_back("a ", "b");
  EXPECT_EQ(error_of(spec),
            "tokenizer.json: model.merges: expected tokens without spaces, found 'a ' and 'b'");
  spec = some_pieces();
  spec.vocabulary.push_back({"[PAD7]", 8});
  EXPECT_EQ(error_of(spec), "pieces: tokens: expected '[PAD7]' for the id 7 alone, found it");
}

TEST(TokenizerGgufWriter, SpecificationsAgreeOnRandomTexts) {
  std::mt19937 random(41);
  const TokenizerSpec spec = small_pieces({{" ", -30},
                                           {"a", -31},
                                           {"b", -32},
                                           {" a", -1},
                                           {"ab", -2},
                                           {"ba", -2},
                                           {" ab", -5},
                                           {"\u00E9", -3},
                                           {"a\u00E9", -2}});
  const Tokenizer before = Tokenizer::from_spec(spec);
  const Tokenizer after = Tokenizer::from_spec(through_gguf(spec, 400));
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (auto n = random() % 30; n > 0; --n) {
      text += std::vector<std::string>{"a", "b", " ", "\u00E9", "<s>", "\u4E16"}[random() % 6];
    }
    ASSERT_EQ(after.encode(text), before.encode(text)) << text;
  }
}

}  // namespace
}  // namespace reprise::engine::testing
