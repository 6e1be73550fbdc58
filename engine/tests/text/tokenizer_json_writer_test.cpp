// tokenizer.json written from a specification, and the SentencePiece form read: both ways, and what is
// refused.
#include "engine/text/tokenizer_json_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "engine/tests/text/tokenizer_fixtures.h"
#include "engine/text/llama2c_tokenizer.h"
#include "engine/text/piece_merges.h"
#include "engine/text/tokenizer_digest.h"
#include "engine/text/utf8.h"

namespace reprise::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

/// Nothing makes "bbb".
TokenizerSpec some_pieces() {
  return small_pieces({{" ", -30}, {"a", -31}, {"b", -32}, {" a", -1}, {"ab", -2}, {" ab", -5}, {"bbb", -6}});
}

json written(const TokenizerSpec& spec) {
  return json::parse(write_tokenizer_json(spec));
}

TEST(TokenizerJsonWriter, WritesTheFormOfLlama2) {
  const json file = json::parse(write_tokenizer_json(some_pieces(), 1));
  EXPECT_EQ(file["normalizer"],
            json::parse(R"({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]})"));
  EXPECT_EQ(file["pre_tokenizer"], nullptr);
  EXPECT_EQ(file["decoder"], json::parse(R"({"type": "Sequence", "decoders": [
                        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                        {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})"));
  EXPECT_EQ(
      file["post_processor"]["single"],
      json::parse(
          R"([{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}])"));
  EXPECT_EQ(file["post_processor"]["special_tokens"],
            json::parse(R"({"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}})"));
  const json& model = file["model"];
  EXPECT_EQ(model["type"], "BPE");
  EXPECT_EQ(model["unk_token"], "<unk>");
  EXPECT_EQ(model["fuse_unk"], true);
  EXPECT_EQ(model["byte_fallback"], true);
  EXPECT_EQ(model["vocab"].size(), 259 + 7);
  EXPECT_EQ(model["vocab"]["<0x00>"], 3);
  EXPECT_EQ(model["merges"], json::parse(R"([["▁", "a"], ["a", "b"], ["▁", "ab"], ["▁a", "b"]])"));
  EXPECT_EQ(file["added_tokens"][1],
            json::parse(R"({"id": 1, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
                        "normalized": false, "special": true})"));
}

TEST(TokenizerJsonWriter, WithoutPrefixAndBytesTheirStepsAreLeftOut) {
  const json file = written(small_pieces({{"a", -1}}, false, false));
  EXPECT_EQ(file["normalizer"], json::parse(R"({"type": "Sequence", "normalizers": [
                        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]})"));
  EXPECT_EQ(file["decoder"], json::parse(R"({"type": "Sequence", "decoders": [
                        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "Fuse"}]})"));
  EXPECT_EQ(file["model"]["byte_fallback"], false);
  EXPECT_EQ(file["post_processor"], nullptr);
  EXPECT_EQ(tokenizer_digest(through_json(small_pieces({{"a", 0}}, false, false))),
            tokenizer_digest(small_pieces({{"a", 0}}, false, false)));
}

TEST(TokenizerJsonWriter, WritesTheFormsOfQwenAndGpt2) {
  json file = small_tokenizer({{"a", "b"}});
  file["added_tokens"] = {added_token(257, "<s>")};
  EXPECT_EQ(written(read_tokenizer_json(file.dump(), "x"))["pre_tokenizer"],
            json::parse(R"({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false,
                        "use_regex": true})"));
  file["normalizer"] = {{"type", "NFC"}};
  file["pre_tokenizer"] = sequence({split({{"Regex", "\\p{N}"}}, "Removed", true),
                                    split({{"String", "."}}, "Removed"), byte_level(false, true)});
  const json back = written(read_tokenizer_json(file.dump(), "x"));
  EXPECT_EQ(back["normalizer"], json({{"type", "NFC"}}));
  EXPECT_EQ(back["pre_tokenizer"], json::parse(R"({"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "\\p{N}"}, "behavior": "Removed", "invert": true},
      {"type": "Split", "pattern": {"Regex": "\\."}, "behavior": "Removed", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": false}]})"));
  EXPECT_EQ(back["decoder"]["type"], "ByteLevel");
  EXPECT_EQ(back["model"]["merges"], json::parse(R"([["a", "b"]])"));
  EXPECT_EQ(back["model"]["vocab"].size(), 257) << "the added token follows the vocabulary";
}

// The library that reads such files gives added tokens the next id unless they are in the vocabulary.
TEST(TokenizerJsonWriter, AddedTokensWithAnIdOfTheirChoiceAreInTheVocabulary) {
  json file = small_tokenizer();
  file["added_tokens"] = {added_token(300, "<s>")};
  TokenizerSpec spec = read_tokenizer_json(file.dump(), "x");
  EXPECT_EQ(written(spec)["model"]["vocab"]["<s>"], 300);
  EXPECT_EQ(tokenizer_digest(through_json(spec)), tokenizer_digest(spec));
  spec.added_tokens[0].id = 256;
  EXPECT_FALSE(written(spec)["model"]["vocab"].contains("<s>"));
  EXPECT_EQ(tokenizer_digest(through_json(spec)), tokenizer_digest(spec));
}

TEST(TokenizerJsonWriter, BytesHaveAFileToo) {
  TokenizerSpec spec;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    spec.vocabulary.push_back({spell_bytes({&c, 1}), byte});
  }
  const Tokenizer tokenizer = Tokenizer::from_spec(through_json(spec));
  EXPECT_THAT(tokenizer.encode("a b\n"), ElementsAre('a', ' ', 'b', '\n'));
}

TEST(TokenizerJsonWriter, EveryFlagOfAnAddedTokenComesBack) {
  json file = small_tokenizer();
  file["added_tokens"] = json::array();
  for (const char* name : {"lstrip", "rstrip", "single_word", "normalized", "special"}) {
    json token =
        added_token(256 + static_cast<TokenId>(file["added_tokens"].size()), std::string("<") + name, false);
    token[name] = true;
    file["added_tokens"].push_back(token);
  }
  const TokenizerSpec spec = read_tokenizer_json(file.dump(), "x");
  EXPECT_EQ(written(spec)["added_tokens"], file["added_tokens"]);
  EXPECT_EQ(tokenizer_digest(through_json(spec)), tokenizer_digest(spec));
}

TEST(TokenizerJsonWriter, RefusesWhatTheFormatHasNoPlaceFor) {
  const auto error_of = [](const TokenizerSpec& spec, std::optional<TokenId> begin = std::nullopt) {
    return line_of([&] { (void)write_tokenizer_json(spec, begin); });
  };
  EXPECT_EQ(error_of(some_pieces(), 259),
            "pieces: added_tokens: expected the token before a text, found none with the id 259");
  EXPECT_EQ(error_of(small_pieces({{"a", -9}, {"b", -9}, {"ab", -2}, {"ba", -2}})),
            "pieces: tokens: expected different scores, to write them as a list of merges, found -2 for 'ab' "
            "and 'ba'");
  EXPECT_EQ(error_of(small_pieces({{"a", -9}, {"b", -9}, {"ab", -2}, {"bbb", -2}})), "no error")
      << "nothing makes bbb";
  EXPECT_EQ(error_of(small_pieces({{"a", -9}, {"xa", -2}})),
            "pieces: tokens: expected tokens for the first and last characters of 'xa', found none");
  EXPECT_THAT(error_of(small_pieces({{"a", -9}, {"ax", -2}})),
              HasSubstr("last characters of 'ax', found none"));
  TokenizerSpec spec = read_tokenizer_json(small_tokenizer().dump(), "x.json");
  spec.word_splits.insert(spec.word_splits.begin(), {.field = "first", .pattern = "a", .add_space = true});
  EXPECT_EQ(error_of(spec),
            "x.json: first: expected words as tokenizer.json can cut them, found another way");
  spec.word_splits = {{.field = "none", .pattern = "a", .keep_match = false, .keep_other = false}};
  EXPECT_THAT(error_of(spec), HasSubstr("x.json: none: expected words"));
  spec = some_pieces();
  spec.vocabulary.back().spelling = "\xFF";
  EXPECT_EQ(error_of(spec), R"(pieces: tokens: expected tokens in UTF-8, found '\xff')");
  spec = some_pieces();
  spec.added_tokens.push_back({.content = "\xFF", .id = 900});
  EXPECT_EQ(error_of(spec), R"(pieces: added_tokens: expected tokens in UTF-8, found '\xff')");
}

TEST(PieceMerges, AreEveryWayToMakeATokenBestFirst) {
  const TokenizerSpec spec =
      small_pieces({{"a", -9}, {"aa", -1}, {"aaa", 0}, {"\u00E9", -5}, {"\u00E9a", -4}});
  EXPECT_THAT(merges_of_scores(spec),
              ElementsAre(Pair("a", "aa"), Pair("aa", "a"), Pair("a", "a"), Pair("\u00E9", "a")));
}

TEST(PieceMerges, LeaveBytesAndAddedTokensOut) {
  EXPECT_THAT(merges_of_scores(small_pieces({{"<", -1}, {"s>", -2}, {"s", -3}, {">", -5}})),
              ElementsAre(Pair("s", ">")));
  TokenizerSpec spec = small_pieces({{"<", -1}, {"s>", -2}, {"s", -3}, {">", -5}});
  spec.added_tokens.erase(spec.added_tokens.begin() + 1);  // <s>, an ordinary token from now on
  EXPECT_THAT(merges_of_scores(spec), ElementsAre(Pair("<", "s>"), Pair("s", ">")));
}

TEST(PieceMerges, ScoresComeBackInTheirOrder) {
  TokenizerSpec spec = some_pieces();
  spec.merges = merges_of_scores(spec);
  scores_from_merges(spec);
  EXPECT_TRUE(spec.merges.empty());
  std::map<std::string, float> scores;
  for (const auto& entry : spec.vocabulary) {
    scores[entry.spelling] = entry.score;
  }
  EXPECT_EQ(scores["\u2581a"], 0);
  EXPECT_EQ(scores["ab"], -1);
  EXPECT_EQ(scores["\u2581ab"], -2);
  for (const char* other : {"a", "b", "\u2581", "<s>", "<0x41>", "bbb"}) {
    EXPECT_EQ(scores[other], -3) << other;
  }
}

struct BadFile {
  const char* what;
  std::function<void(json&)> spoil;
  const char* line;  // what the message says after "tokenizer.json: "
};

json& step(json& file, const char* component, const char* list, std::size_t i) {
  return file[component][list][i];
}

const BadFile kBadFiles[] = {
    {"another decoder", [](json& f) { f["decoder"]["decoders"].erase(1); },
     "decoder.decoders: expected Replace, ByteFallback, Fuse, Strip as the normalizer and byte_fallback "
     "require, found "
     "an array of 3"},
    {"no bytes", [](json& f) { f["model"]["byte_fallback"] = false; },
     "decoder.decoders: expected Replace, Fuse, Strip as the normalizer and byte_fallback require, found an "
     "array of "
     "4"},
    {"no prefix", [](json& f) { f["normalizer"]["normalizers"].erase(0); },
     "decoder.decoders: expected Replace, ByteFallback, Fuse as the normalizer and byte_fallback require, "
     "found an "
     "array of 4"},
    {"no list of decoders", [](json& f) { f["decoder"].erase("decoders"); },
     "decoder.decoders: expected an array, found nothing"},
    {"another strip", [](json& f) { step(f, "decoder", "decoders", 3)["start"] = 2; },
     "decoder.decoders[3]: expected one space stripped at the start, found an object"},
    {"strip at the end", [](json& f) { step(f, "decoder", "decoders", 3)["stop"] = 1; },
     "decoder.decoders[3]: expected one space stripped at the start, found an object"},
    {"strip of something", [](json& f) { step(f, "decoder", "decoders", 3)["content"] = "x"; },
     "decoder.decoders[3]: expected one space stripped at the start, found an object"},
    {"decoder replaces something",
     [](json& f) { step(f, "decoder", "decoders", 0)["pattern"]["String"] = "_"; },
     "decoder.decoders[0].pattern.String: expected '\u2581', found '_'"},
    {"no normalizer", [](json& f) { f["normalizer"] = nullptr; },
     "normalizer: expected an object, found nothing"},
    {"NFC",
     [](json& f) {
       f["normalizer"] = {{"type", "NFC"}};
     },
     "normalizer.type: expected Replace, found 'NFC'"},
    {"NFC too",
     [](json& f) {
       f["normalizer"]["normalizers"].push_back({{"type", "NFC"}});
     },
     "normalizer: expected Prepend and Replace, or Replace alone, found an object"},
    {"an empty normalizer", [](json& f) { f["normalizer"]["normalizers"] = json::array(); },
     "normalizer: expected Prepend and Replace, or Replace alone, found an object"},
    {"another prefix", [](json& f) { step(f, "normalizer", "normalizers", 0)["prepend"] = "_"; },
     "normalizer.normalizers[0].prepend: expected U+2581, found '_'"},
    {"normalizer replaces something",
     [](json& f) { step(f, "normalizer", "normalizers", 1)["pattern"]["String"] = "x"; },
     "normalizer.normalizers[1].pattern.String: expected ' ', found 'x'"},
    {"normalizer replaces a pattern",
     [](json& f) {
       step(f, "normalizer", "normalizers", 1)["pattern"] = {{"Regex", " "}};
     },
     "normalizer.normalizers[1].pattern.String: expected a string, found nothing"},
    {"normalizer replaces by something",
     [](json& f) { step(f, "normalizer", "normalizers", 1)["content"] = "_"; },
     "normalizer.normalizers[1].content: expected '\u2581', found '_'"},
    {"a pre-tokenizer",
     [](json& f) {
       f["pre_tokenizer"] = {{"type", "Metaspace"}};
     },
     "pre_tokenizer: expected null beside a decoder of type Sequence, found an object"},
    {"ignore_merges", [](json& f) { f["model"]["ignore_merges"] = true; },
     "model.ignore_merges: expected false, found true"},
    {"no unknown token", [](json& f) { f["model"]["unk_token"] = "<what>"; },
     "model.vocab: expected the unknown token '<what>', found none of that name"},

    {"a merge of nothing",
     [](json& f) {
       f["model"]["merges"][0] = {"q", "a"};
     },
     "model.merges[0]: expected a merge of tokens into a token of model.vocab, found no token 'q'"},
    {"a merge into nothing",
     [](json& f) {
       f["model"]["merges"][0] = {"b", "a"};
     },
     "model.merges[0]: expected a merge of tokens into a token of model.vocab, found no token 'ba'"},
    {"a merge twice",
     [](json& f) {
       f["model"]["merges"].insert(f["model"]["merges"].begin(), json::array({"\u2581", "a"}));
     },
     R"(model.merges[1]: expected each merge once, found '\xe2\x96\x81 a' again)"},
    {"half of the merges of a token", [](json& f) { f["model"]["merges"].erase(2); },
     R"(model.merges[2]: expected all 2 merges of tokens into '\xe2\x96\x81ab', as SentencePiece would do them, found 1)"},
    {"none of the merges of a token", [](json& f) { f["model"]["merges"].erase(1); },
     "model.merges: expected merges into 'ab', as SentencePiece would do them, found none"},
    {"a character that is no token", [](json& f) { f["model"]["vocab"].erase("b"); },
     "model.vocab: expected tokens for the first and last characters of 'ab', found none"},
    {"merges of a token in two places",
     [](json& f) { std::swap(f["model"]["merges"][1], f["model"]["merges"][2]); },
     R"(model.merges[3]: expected the merges into '\xe2\x96\x81ab' in a row, found some at 1)"},
};

TEST(TokenizerJson, RefusesBadSentencePieceFilesNamingTheField) {
  const json good = written(some_pieces());
  const auto error_of = [](const json& file) {
    return line_of([&] { (void)Tokenizer::from_json(file.dump(), "tokenizer.json"); });
  };
  ASSERT_EQ(error_of(good), "no error");
  for (const BadFile& bad : kBadFiles) {
    json file = good;
    bad.spoil(file);
    EXPECT_EQ(error_of(file), std::string("tokenizer.json: ") + bad.line) << bad.what;
  }
}

// Files of the library's older versions say "left right"; a Replace may stand alone without a Sequence.
TEST(TokenizerJson, SentencePieceFilesMayBeOlder) {
  json file = written(small_pieces({{" ", -9}, {"a", -9}, {" a", -1}}, true, false));
  file["model"]["merges"] = {"\u2581 a"};
  file["normalizer"] = json(file["normalizer"]["normalizers"][0]);
  const Tokenizer tokenizer = load(file);
  EXPECT_THAT(pieces(tokenizer, "a a"), ElementsAre("a", " a"));
}

// Merges that text cannot come to: of added tokens, and of the spellings of bytes.
TEST(TokenizerJson, SentencePieceFilesMayMergeIntoAddedTokens) {
  json file = written(small_pieces({{"<", -1}, {"s>", -2}, {"s", -3}, {">", -5}}));
  file["model"]["merges"].push_back({"<", "s>"});
  EXPECT_EQ(load(file).encode("<s>"), (Ids{1}));
}

TEST(TokenizerJson, SentencePieceFilesTokenizeAsTheirOriginals) {
  std::mt19937 random(51);
  const std::vector<std::string> letters = {"a", "b", " ", "\u00E9"};
  for (int round = 0; round < 200; ++round) {
    std::map<std::string, float> scores;
    for (const std::string& letter : letters) {
      scores[letter] = -1000;
    }
    std::vector<std::string> made = letters;
    for (int i = 0; i < 14; ++i) {
      made.push_back(made[random() % made.size()] + made[random() % made.size()]);
      scores[made.back()] = -static_cast<float>(random() % 100 * 20 + static_cast<unsigned>(i));
    }
    const TokenizerSpec spec = small_pieces({scores.begin(), scores.end()}, true, random() % 2 == 0);
    const Tokenizer before = Tokenizer::from_spec(spec);
    const Tokenizer after = Tokenizer::from_spec(through_json(spec));
    for (int i = 0; i < 20; ++i) {
      std::string text;
      for (auto n = random() % 30; n > 0; --n) {
        text += random() % 9 == 0 ? "\u4E16" : letters[random() % letters.size()];
      }
      ASSERT_EQ(after.encode(text), before.encode(text)) << text;
      ASSERT_EQ(after.decode(after.encode(text)), text);
    }
  }
}

TEST(TokenizerJson, StoriesTokenizeTheSameThroughTokenizerJson) {
  REPRISE_NEEDS_DATA("stories260K");
  const std::filesystem::path folder = reprise::testing::external_data() / "stories260K";
  const TokenizerSpec spec = read_llama2c_tokenizer(folder / "tok512.bin", 512);
  const TokenizerSpec gguf = read_tokenizer_gguf(GgufFile::open(folder / "stories260K-f32.gguf"));
  const Tokenizer before = Tokenizer::from_spec(spec);
  const Tokenizer there[] = {Tokenizer::from_spec(through_json(spec)),
                             Tokenizer::from_spec(through_json(gguf)),
                             Tokenizer::from_spec(through_gguf(through_json(spec), 600))};
  std::mt19937 random(52);
  for (int round = 0; round < 1000; ++round) {
    std::string text;
    for (auto n = random() % 30; n > 0; --n) {
      text += random() % 5 == 0 ? std::string(1, static_cast<char>(random()))
                                : std::string(before.token_bytes(static_cast<TokenId>(random() % 512)));
    }
    for (const Tokenizer& after : there) {
      ASSERT_EQ(after.encode(text), before.encode(text)) << text;
    }
  }
}

}  // namespace
}  // namespace reprise::engine::testing
