// Tokenizers from GGUF metadata: what is read, what the facts are, and every key that can be wrong.
#include "engine/text/tokenizer_gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <map>

#include "engine/core/digest.h"
#include "engine/tests/text/tokenizer_fixtures.h"
#include "engine/text/named_splits.h"
#include "engine/text/tokenizer_digest.h"

namespace reprise::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Strings = std::vector<std::string>;
using Ints = std::vector<std::int32_t>;
using Floats = std::vector<float>;
using Setter = std::function<void(GgufWriter&, const std::string&)>;
using Keys = std::map<std::string, Setter>;

Setter text(std::string value) {
  return [value](GgufWriter& writer, const std::string& key) { writer.set_text(key, value); };
}
Setter flag(bool value) {
  return [value](GgufWriter& writer, const std::string& key) { writer.set_flag(key, value); };
}
Setter number(std::uint32_t value) {
  return [value](GgufWriter& writer, const std::string& key) { writer.set_u32(key, value); };
}
Setter texts(Strings values) {
  return [values](GgufWriter& writer, const std::string& key) { writer.set_texts(key, values); };
}
Setter ints(Ints values) {
  return [values](GgufWriter& writer, const std::string& key) { writer.set_i32s(key, values); };
}
Setter floats(Floats values) {
  return [values](GgufWriter& writer, const std::string& key) { writer.set_f32s(key, values); };
}

/// Of a file in memory, whose bytes it keeps.
class File {
 public:
  explicit File(const Keys& keys) : bytes_(bytes_of(keys)), file_(GgufFile::parse(bytes_, "m.gguf")) {}
  [[nodiscard]] const GgufFile& gguf() const { return file_; }

 private:
  static std::vector<std::byte> bytes_of(const Keys& keys) {
    GgufWriter writer;
    for (const auto& [key, set] : keys) {
      set(writer, key.starts_with("tokenizer.") ? key : "tokenizer.ggml." + key);
    }
    return writer.to_bytes();
  }
  std::vector<std::byte> bytes_;
  GgufFile file_;
};

TokenizerSpec spec_of(const Keys& keys) {
  return read_tokenizer_gguf(File(keys).gguf());
}
TokenizerFacts facts_of(const Keys& keys) {
  return read_tokenizer_facts(File(keys).gguf());
}
std::string error_of(const Keys& keys) {
  return line_of([&] {
    const File file(keys);
    Tokenizer::from_spec(read_tokenizer_gguf(file.gguf()));
    (void)read_tokenizer_facts(file.gguf());
  });
}

Keys with(Keys keys, const std::string& key, Setter setter) {
  keys[key] = std::move(setter);
  return keys;
}
Keys without(Keys keys, const std::string& key) {
  keys.erase(key);
  return keys;
}

Keys llama_keys() {
  return {
      {"model", text("llama")},
      {"tokens", texts({"<unk>", "<s>", "</s>", "<0x41>", "\u2581a", "a", "\u2581", "<|im_end|>", "[PAD8]"})},
      {"token_type", ints({2, 3, 3, 6, 1, 1, 1, 4, 5})},
      {"scores", floats({0, 0, 0, 0, -1, -2, -3, 0, -1000})},
      {"bos_token_id", number(1)},
      {"eos_token_id", number(2)}};
}

/// The bytes as tokens 0 to 255, then "ab" and a control token.
Keys gpt2_keys(const std::string& pre = "gpt-2") {
  Strings tokens;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    tokens.push_back(spell_bytes({&c, 1}));
  }
  tokens.insert(tokens.end(), {"ab", "<|endoftext|>"});
  Ints types(257, 1);
  types.push_back(3);
  return {{"model", text("gpt2")},     {"pre", text(pre)},         {"tokens", texts(tokens)},
          {"token_type", ints(types)}, {"merges", texts({"a b"})}, {"eos_token_id", number(257)}};
}

TEST(TokenizerGguf, ReadsSentencePieceTokenizers) {
  const TokenizerSpec spec = spec_of(llama_keys());
  EXPECT_EQ(spec.kind, TokenizerKind::sentence_piece);
  EXPECT_TRUE(spec.byte_fallback);
  EXPECT_TRUE(spec.space_prefix);
  const Tokenizer tokenizer = Tokenizer::from_spec(spec);
  EXPECT_THAT(tokenizer.encode("a a<s>A<|im_end|>"), ElementsAre(4, 4, 1, 6, 3, 7));
  EXPECT_EQ(tokenizer.encode("!!"), (Ids{6, 0})) << "unknown, fused";
  EXPECT_TRUE(tokenizer.is_special(0));
  EXPECT_TRUE(tokenizer.is_special(1));
  EXPECT_FALSE(tokenizer.is_special(7)) << "user defined";
  EXPECT_FALSE(tokenizer.contains(8)) << "unused";
  EXPECT_EQ(tokenizer.size(), 8);
  EXPECT_EQ(tokenizer.token_bytes(3), "A");
}

TEST(TokenizerGguf, ReadsByteLevelTokenizers) {
  const Tokenizer tokenizer = Tokenizer::from_spec(spec_of(gpt2_keys()));
  EXPECT_THAT(tokenizer.encode("abab a<|endoftext|>"), ElementsAre(256, 256, ' ', 'a', 257));
  EXPECT_TRUE(tokenizer.is_special(257));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("\u00E9 \n")), "\u00E9 \n");
  const Tokenizer untyped = Tokenizer::from_spec(spec_of(without(gpt2_keys(), "token_type")));
  EXPECT_EQ(untyped.encode("<|endoftext|>").size(), 13) << "all tokens are normal ones then";
}

TEST(TokenizerGguf, TheSpacePrefixCanBeOff) {
  const Tokenizer tokenizer =
      Tokenizer::from_spec(spec_of(with(llama_keys(), "add_space_prefix", flag(false))));
  EXPECT_THAT(tokenizer.encode("a a"), ElementsAre(5, 4));
  EXPECT_EQ(tokenizer.decode(Ids{4, 4}), " a a");
}

TEST(TokenizerGguf, WordsAreCutAsPreSays) {
  const auto words = [](const std::string& pre, const std::string& input) {
    Keys keys = gpt2_keys(pre);
    keys["merges"] = texts({"a b", "1 2", "12 3"});
    Strings tokens = {"12", "123"};
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      tokens.push_back(spell_bytes({&c, 1}));
    }
    tokens.emplace_back("ab");
    keys["tokens"] = texts(tokens);
    keys.erase("token_type");
    keys.erase("eos_token_id");
    return pieces(Tokenizer::from_spec(spec_of(keys)), input);
  };
  EXPECT_THAT(words("gpt-2", "1234"), ElementsAre("123", "4"));
  EXPECT_THAT(words("qwen2", "1234"), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(words("smollm", "1234"), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(words("llama-bpe", "123123"), ElementsAre("123", "123"));
  EXPECT_THAT(words("llama3", "123123"), ElementsAre("123", "123"));
  EXPECT_THAT(words("qwen2", "e\u0301"), ElementsAre("\xC3", "\xA9")) << "composed, as Qwen's own files say";
  EXPECT_EQ(words("deepseek-r1-qwen", "e\u0301").size(), 3);
}

TEST(TokenizerGguf, Llama3TakesWholeWordsWhateverTheMerges) {
  Keys keys = gpt2_keys("llama-bpe");
  keys["merges"] = texts({"b c"});
  Strings tokens = {"bc", "abc"};
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    tokens.push_back(spell_bytes({&c, 1}));
  }
  keys["tokens"] = texts(tokens);
  keys.erase("token_type");
  keys.erase("eos_token_id");
  EXPECT_THAT(pieces(Tokenizer::from_spec(spec_of(keys)), "abc"), ElementsAre("abc"));
  keys["pre"] = text("smaug-bpe");
  EXPECT_THAT(pieces(Tokenizer::from_spec(spec_of(keys)), "abc"), ElementsAre("a", "bc"));
}

TEST(TokenizerGguf, EveryNameIsRecognisedAgain) {
  for (const char* name : {"gpt-2", "qwen2", "llama-bpe", "llama3", "llama-v3", "smollm", "smaug-bpe",
                           "stablelm2", "starcoder", "olmo", "deepseek-r1-qwen"}) {
    const NamedSplits* known = find_named_splits(name);
    ASSERT_NE(known, nullptr) << name;
    EXPECT_EQ(recognise_splits(spec_of(gpt2_keys(name))), known) << name;
    EXPECT_THAT(known_split_names(), HasSubstr(name));
  }
  EXPECT_EQ(find_named_splits("default"), nullptr);
  EXPECT_EQ(find_named_splits(""), nullptr);
}

TEST(TokenizerGguf, WordsThatNoNameStandsForAreNotRecognised) {
  const TokenizerSpec gpt2 = spec_of(gpt2_keys());
  TokenizerSpec spec = gpt2;
  spec.nfc = true;
  EXPECT_EQ(recognise_splits(spec), nullptr);
  spec = gpt2;
  spec.ignore_merges = true;
  EXPECT_EQ(recognise_splits(spec), nullptr);
  spec = gpt2;
  spec.word_splits[0].add_space = true;
  EXPECT_EQ(recognise_splits(spec), nullptr);
  spec = gpt2;
  spec.word_splits[0].keep_match = false;
  EXPECT_EQ(recognise_splits(spec), nullptr);
  spec = gpt2;
  spec.word_splits.push_back({.field = "more", .pattern = "x"});
  EXPECT_EQ(recognise_splits(spec), nullptr);
  spec = spec_of(gpt2_keys("smollm"));
  spec.word_splits[0].keep_other = false;
  EXPECT_EQ(recognise_splits(spec), nullptr) << "the digits alone would be left";
  spec = gpt2;
  spec.word_splits[0].keep_other = false;  // GPT-2's pattern leaves nothing
  spec.word_splits.push_back({.field = "nothing", .pattern = ""});
  EXPECT_NE(recognise_splits(spec), nullptr);
}

TEST(TokenizerGguf, FactsAreThoseOfTheFile) {
  TokenizerFacts facts = facts_of(llama_keys());
  EXPECT_EQ(facts.bos, 1);
  EXPECT_EQ(facts.eos, 2);
  EXPECT_EQ(facts.eot, 7) << "known by its text";
  EXPECT_TRUE(facts.add_bos) << "what llama means without the key";
  EXPECT_EQ(facts.chat_template, "");
  Keys keys = with(llama_keys(), "add_bos_token", flag(false));
  keys["eot_token_id"] = number(5);
  keys["tokenizer.chat_template"] = text("{{ messages }}");
  facts = facts_of(keys);
  EXPECT_FALSE(facts.add_bos);
  EXPECT_EQ(facts.eot, 5);
  EXPECT_EQ(facts.chat_template, "{{ messages }}");
  facts = facts_of(without(without(llama_keys(), "bos_token_id"), "eos_token_id"));
  EXPECT_EQ(facts.bos, std::nullopt);
  EXPECT_EQ(facts.eos, std::nullopt);
  EXPECT_FALSE(facts.add_bos);
  EXPECT_FALSE(facts_of(with(gpt2_keys(), "bos_token_id", number(257))).add_bos);
  EXPECT_TRUE(facts_of(with(gpt2_keys("llama-bpe"), "bos_token_id", number(257))).add_bos);
  EXPECT_EQ(facts_of(gpt2_keys()).eot, 257) << "<|endoftext|>";
}

TEST(TokenizerGguf, TheUnknownTokenMayBeNamedByItsId) {
  Keys keys = with(llama_keys(), "token_type", ints({3, 3, 3, 6, 1, 1, 1, 4, 5}));
  EXPECT_THAT(line_of([&] { (void)Tokenizer::from_spec(spec_of(keys)).encode("!"); }),
              HasSubstr("expected a token for '!' of the text, found none"));
  keys["unknown_token_id"] = number(0);
  EXPECT_THAT(Tokenizer::from_spec(spec_of(keys)).encode("!"), ElementsAre(6, 0));
}

TEST(TokenizerGguf, TheDigestIsOfTheContentAlone) {
  const std::string digest = tokenizer_digest(spec_of(llama_keys()));
  EXPECT_EQ(Tokenizer::from_spec(spec_of(llama_keys())).digest(), digest);
  EXPECT_EQ(tokenizer_digest(spec_of(with(llama_keys(), "add_space_prefix", flag(true)))), digest);
  EXPECT_EQ(tokenizer_digest(spec_of(with(llama_keys(), "bos_token_id", number(2)))), digest);
  EXPECT_EQ(
      tokenizer_digest(spec_of(with(llama_keys(), "scores", floats({-0.0F, 5, 0, 0, -1, -2, -3, 0, 99})))),
      digest)
      << "of tokens that don't merge";
  Keys padded =
      with(llama_keys(), "tokens",
           texts({"<unk>", "<s>", "</s>", "<0x41>", "\u2581a", "a", "\u2581", "<|im_end|>", "[PAD8]", "x"}));
  padded["token_type"] = ints({2, 3, 3, 6, 1, 1, 1, 4, 5, 5});
  padded["scores"] = floats({0, 0, 0, 0, -1, -2, -3, 0, -1000, 0});
  EXPECT_EQ(tokenizer_digest(spec_of(padded)), digest);
  EXPECT_NE(tokenizer_digest(spec_of(with(llama_keys(), "add_space_prefix", flag(false)))), digest);
  EXPECT_NE(tokenizer_digest(spec_of(with(llama_keys(), "scores", floats({0, 0, 0, 0, -1, -2, -4, 0, 0})))),
            digest);
  EXPECT_NE(tokenizer_digest(spec_of(with(llama_keys(), "token_type", ints({2, 3, 4, 6, 1, 1, 1, 4, 5})))),
            digest);
  EXPECT_NE(tokenizer_digest(spec_of(gpt2_keys())), tokenizer_digest(spec_of(gpt2_keys("smollm"))));
  EXPECT_NE(tokenizer_digest(spec_of(gpt2_keys("qwen2"))), tokenizer_digest(spec_of(gpt2_keys("stablelm2"))));
  EXPECT_NE(tokenizer_digest(spec_of(gpt2_keys())),
            tokenizer_digest(spec_of(with(gpt2_keys(), "merges", texts({"b a", "a b"})))));
}

// The texts are written out here as tokenizer_digest.h describes them.
TEST(TokenizerGguf, TheDigestIsThatOfTheDocumentedText) {
  TokenizerSpec spec = small_pieces({{" a", -1.5F}}, false);
  spec.added_tokens.pop_back();
  const std::string described =
      "reprise tokenizer 1\nsentence_piece 0 1\nunknown 1 5 <unk>\nadded 0 1 0 0 0 0 5 <unk>\n"
      "added 1 1 0 0 0 0 3 <s>\ntoken 2 0 4 </s>\ntoken 3 -1.5 4 \u2581a\n";
  EXPECT_EQ(tokenizer_digest(spec), to_hex(sha256(std::as_bytes(std::span(described)))));
  TokenizerSpec bpe;
  bpe.vocabulary = {{"b", 1}, {"a", 0}, {"ab", 2}};
  bpe.merges = {{"a", "b"}};
  bpe.word_splits = {{.field = "x", .pattern = "[ab]+"}, {.field = "y", .pattern = ""}};
  const std::string described_bpe =
      "reprise tokenizer 1\nbyte_level_bpe 0 0\nunknown 0 0 \nsplit 1 1 0 5 [ab]+\ntoken 0 1 a\ntoken 1 1 b\n"
      "token 2 2 ab\nmerge 1 a 1 b\n";
  EXPECT_EQ(tokenizer_digest(bpe), to_hex(sha256(std::as_bytes(std::span(described_bpe)))));
}

struct BadFile {
  const char* what;
  Keys keys;
  std::string line;  // what the message says after "m.gguf: "
};

std::string at(const std::string& key) {
  return "key 'tokenizer.ggml." + key + "': expected ";
}

std::string known(const std::string& found) {
  return "one of " + known_split_names() + ", " + found;
}

void expect_refused(const std::vector<BadFile>& files) {
  for (const BadFile& bad : files) {
    const std::string line = error_of(bad.keys);
    EXPECT_THAT(line, StartsWith("m.gguf: " + bad.line)) << bad.what;
    EXPECT_EQ(line.find('\n'), std::string::npos) << bad.what;
  }
}

TEST(TokenizerGguf, RefusesKeysThatAreMissing) {
  ASSERT_EQ(error_of(llama_keys()), "no error");
  ASSERT_EQ(error_of(gpt2_keys()), "no error");
  for (const char* key : {"model", "tokens", "token_type", "scores"}) {
    expect_refused({{key, without(llama_keys(), key), at(key) + "to be there, found "}});
  }
  for (const char* key : {"model", "tokens", "merges"}) {
    expect_refused({{key, without(gpt2_keys(), key), at(key) + "to be there, found "}});
  }
  expect_refused({{"pre", without(gpt2_keys(), "pre"), at("pre") + known("found nothing")}});
}

TEST(TokenizerGguf, RefusesKeysOfAnotherType) {
  for (const char* key : {"model", "tokens", "token_type", "scores", "add_space_prefix", "add_bos_token",
                          "tokenizer.chat_template"}) {
    const std::string full =
        std::string(key).starts_with("tokenizer.") ? key : "tokenizer.ggml." + std::string(key);
    expect_refused({{key, with(llama_keys(), key, number(7)), "key '" + full + "': expected "}});
  }
  for (const char* key : {"bos_token_id", "eos_token_id", "eot_token_id", "unknown_token_id"}) {
    expect_refused({{key, with(llama_keys(), key, text("1")), at(key)}});
  }
  for (const char* key : {"pre", "tokens", "token_type", "merges"}) {
    expect_refused({{key, with(gpt2_keys(), key, flag(true)), at(key)}});
  }
  expect_refused({{"types as texts", with(llama_keys(), "token_type", texts({"1"})), at("token_type")},
                  {"scores as texts", with(llama_keys(), "scores", texts({"1"})), at("scores")},
                  {"tokens as numbers", with(llama_keys(), "tokens", ints({1})), at("tokens")}});
}

TEST(TokenizerGguf, RefusesValuesThatCannotBe) {
  const Strings five = {"<unk>", "<s>", "</s>", "<0x41>", "a"};
  const auto llama = [&](Strings tokens, Ints types, Floats scores) {
    return Keys{{"model", text("llama")},
                {"tokens", texts(std::move(tokens))},
                {"token_type", ints(std::move(types))},
                {"scores", floats(std::move(scores))}};
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  expect_refused({
      {"model", with(llama_keys(), "model", text("bert")), at("model") + "one of gpt2, llama, found 'bert'"},
      {"pre", gpt2_keys("tekken?"), at("pre") + known("found 'tekken?'")},
      {"default", gpt2_keys("default"), at("pre") + known("found 'default'")},
      {"no tokens", llama({}, {}, {}), at("tokens") + "1 to 16777217 tokens, found 0"},
      {"few types", llama(five, {2, 3, 3, 6}, {0, 0, 0, 0, 0}),
       at("token_type") + "5 elements, one for each token, found 4"},
      {"many types", llama(five, {2, 3, 3, 6, 1, 1}, {0, 0, 0, 0, 0}),
       at("token_type") + "5 elements, one for each token, found 6"},
      {"few scores", llama(five, {2, 3, 3, 6, 1}, {0}),
       at("scores") + "5 elements, one for each token, found 1"},
      {"score", llama(five, {2, 3, 3, 6, 1}, {0, 0, 0, 0, nan}),
       at("scores") + "finite numbers, found nan as element 4"},
      {"type 0", llama(five, {2, 3, 3, 6, 0}, {0, 0, 0, 0, 0}),
       at("token_type") + "types from 1 to 6, found 0 as element 4"},
      {"type 7", llama(five, {2, 3, 3, 6, 7}, {0, 0, 0, 0, 0}),
       at("token_type") + "types from 1 to 6, found 7 as element 4"},
      {"byte", llama(five, {2, 3, 3, 6, 6}, {0, 0, 0, 0, 0}),
       at("tokens") + "a byte such as '<0x0A>', found 'a' as element 4"},
      {"two unknown", llama(five, {2, 2, 3, 6, 1}, {0, 0, 0, 0, 0}),
       at("token_type") + "one unknown token, found a second as element 1"},
      {"twice", llama({"<unk>", "a", "a"}, {2, 1, 1}, {0, 0, 0}),
       at("tokens") + "each token once, found 'a' again as element 2"},
      {"twice, added", llama({"<unk>", "a", "a"}, {2, 1, 4}, {0, 0, 0}),
       at("tokens") + "each token once, found 'a' again as element 2"},
      {"not UTF-8", llama({"<unk>", "\xC3"}, {2, 1}, {0, 0}),
       at("tokens") + R"(UTF-8, found '\xc3' as element 1)"},
      {"not UTF-8, added", llama({"<unk>", "\xC3"}, {2, 3}, {0, 0}),
       at("tokens") + R"(UTF-8, found '\xc3' as element 1)"},
      {"a byte of gpt2", with(gpt2_keys(), "token_type", ints(Ints(258, 6))),
       at("token_type") + "types from 1 to 5, found 6 as element 0"},
      {"a merge of one", with(gpt2_keys(), "merges", texts({"a b", "ab"})),
       at("merges") + "\"left right\", found 'ab' as element 1"},
      {"a merge of three", with(gpt2_keys(), "merges", texts({"a b c"})),
       at("merges") + "\"left right\", found 'a b c' as element 0"},
      {"half a merge", with(gpt2_keys(), "merges", texts({"a "})),
       at("merges") + "\"left right\", found 'a ' as element 0"},
      {"a merge of nothing", with(gpt2_keys(), "merges", texts({" b"})),
       at("merges") + "\"left right\", found ' b' as element 0"},
      {"a merge of no tokens", with(gpt2_keys(), "merges", texts({"xx y"})),
       "tokenizer.ggml.merges[0]: expected a merge of tokens into a token of tokenizer.ggml.tokens, found no "
       "token "
       "'xx'"},
      {"a merge twice", with(gpt2_keys(), "merges", texts({"a b", "a b"})),
       "tokenizer.ggml.merges[1]: expected each merge once, found 'a b' again"},
      {"bos", with(llama_keys(), "bos_token_id", number(9)), at("bos_token_id") + "an id below 9, found 9"},
      {"eos", with(llama_keys(), "eos_token_id", number(4'000'000'000)),
       at("eos_token_id") + "an id below 9, found 4000000000"},
      {"eot", with(llama_keys(), "eot_token_id", number(99)), at("eot_token_id") + "an id below 9, found 99"},
      {"unknown", with(llama({"a", "b"}, {1, 1}, {0, 0}), "unknown_token_id", number(2)),
       at("unknown_token_id") + "an id below 2, found 2"},
      {"add_bos", with(without(llama_keys(), "bos_token_id"), "add_bos_token", flag(true)),
       at("add_bos_token") + "false without 'tokenizer.ggml.bos_token_id', found true"},
  });
}

}  // namespace
}  // namespace reprise::engine::testing
