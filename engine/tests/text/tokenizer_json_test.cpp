// Files that are damaged, contradictory, or beyond what is supported: each is refused with one line that
// names the field.
#include "engine/text/tokenizer_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "engine/core/error.h"
#include "engine/tests/text/tokenizer_fixtures.h"

namespace reprise::engine::testing {
namespace {

using ::testing::HasSubstr;

std::string error_of(const std::string& text) {
  try {
    (void)Tokenizer::from_json(text, "tokenizer.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

struct BadFile {
  const char* what;
  std::function<void(json&)> spoil;
  const char* line;  // what the message says after "tokenizer.json: "
};

const BadFile kBadFiles[] = {
    {"no model", [](json& f) { f.erase("model"); }, "model: expected an object, found nothing"},
    {"model is text", [](json& f) { f["model"] = "BPE"; }, "model: expected an object, found 'BPE'"},
    {"other model", [](json& f) { f["model"]["type"] = "Unigram"; },
     "model.type: expected BPE, found 'Unigram'"},
    {"type is a number", [](json& f) { f["model"]["type"] = 7; }, "model.type: expected a string, found 7"},
    {"dropout", [](json& f) { f["model"]["dropout"] = 0.1; },
     "model.dropout: expected null: dropout makes tokens random, found 0.1"},
    {"prefix", [](json& f) { f["model"]["continuing_subword_prefix"] = "##"; },
     "model.continuing_subword_prefix: expected null or an empty string, found '##'"},
    {"suffix", [](json& f) { f["model"]["end_of_word_suffix"] = "</w>"; },
     "model.end_of_word_suffix: expected null or an empty string, found '</w>'"},
    {"byte fallback", [](json& f) { f["model"]["byte_fallback"] = true; },
     "model.byte_fallback: expected false, found true"},
    {"ignore_merges", [](json& f) { f["model"]["ignore_merges"] = "yes"; },
     "model.ignore_merges: expected true or false, found 'yes'"},

    {"no vocab", [](json& f) { f["model"].erase("vocab"); },
     "model.vocab: expected an object of ids by token, found nothing"},
    {"vocab is a list",
     [](json& f) {
       f["model"]["vocab"] = {"a", "b"};
     },
     "model.vocab: expected an object of ids by token, found other values"},
    {"vocab is empty list", [](json& f) { f["model"]["vocab"] = json::array(); },
     "model.vocab: expected an object of ids by token, found an array of 0"},
    {"id is text", [](json& f) { f["model"]["vocab"]["a"] = "97"; },
     "model.vocab['a']: expected an id from 0 to 16777216, found '97'"},
    {"id is negative", [](json& f) { f["model"]["vocab"]["a"] = -1; },
     "model.vocab['a']: expected an id from 0 to 16777216, found -1"},
    {"id is a fraction", [](json& f) { f["model"]["vocab"]["a"] = 97.5; },
     "model.vocab['a']: expected an id from 0 to 16777216, found 97.5"},
    {"id is absurd", [](json& f) { f["model"]["vocab"]["a"] = 16777217; },
     "model.vocab['a']: expected an id from 0 to 16777216, found 16777217"},
    {"id overflows", [](json& f) { f["model"]["vocab"]["a"] = 18446744073709551615ULL; },
     "model.vocab['a']: expected an id from 0 to 16777216, found 18446744073709551615"},
    {"id is a list", [](json& f) { f["model"]["vocab"]["a"] = {97}; },
     "model.vocab: expected an object of ids by token, found other values"},
    {"id twice", [](json& f) { f["model"]["vocab"]["a"] = 98; },
     "model.vocab: expected each id once, found 98 again for 'b'"},

    {"no merges", [](json& f) { f["model"].erase("merges"); },
     "model.merges: expected an array, found nothing"},
    {"merges is an object", [](json& f) { f["model"]["merges"] = json::object(); },
     "model.merges: expected an array, found an object"},
    {"merges has members",
     [](json& f) {
       f["model"]["merges"] = {{"x", {"a", "b"}}, {"y", 1}};
     },
     R"(model.merges[0]: expected "left right" or ["left", "right"], found something else)"},
    {"merge of three",
     [](json& f) {
       f["model"]["merges"] = {{"a", "b", "c"}};
     },
     R"(model.merges[0]: expected "left right" or ["left", "right"], found something else)"},
    {"merge of one",
     [](json& f) {
       f["model"]["merges"] = {"a b", "ab"};
     },
     R"(model.merges[1]: expected "left right" or ["left", "right"], found something else)"},
    {"merge with two spaces", [](json& f) { f["model"]["merges"] = {"a b c"}; },
     R"(model.merges[0]: expected "left right" or ["left", "right"], found something else)"},
    {"merge of numbers",
     [](json& f) {
       f["model"]["merges"] = {{1, 2}};
     },
     R"(model.merges[0]: expected "left right" or ["left", "right"], found something else)"},
    {"merge in a list in a list", [](json& f) { f["model"]["merges"] = json::parse(R"([[["a"], "b"]])"); },
     R"(model.merges[0]: expected "left right" or ["left", "right"], found something else)"},
    {"merge of nothing known", [](json& f) { f["model"]["merges"] = {"a \u20AC"}; },
     "model.merges[0]: expected a merge of tokens into a token of model.vocab, found no token "
     "'\\xe2\\x82\\xac'"},
    {"merge into nothing known", [](json& f) { f["model"]["merges"] = {"a z"}; },
     "model.merges[0]: expected a merge of tokens into a token of model.vocab, found no token 'az'"},
    {"merge twice",
     [](json& f) {
       f["model"]["merges"] = {"a b", "a b"};
     },
     "model.merges[1]: expected each merge once, found 'a b' again"},

    {"added tokens are no list", [](json& f) { f["added_tokens"] = 3; },
     "added_tokens: expected an array, found 3"},
    {"added token is a number", [](json& f) { f["added_tokens"] = {1}; },
     "added_tokens[0]: expected an object, found 1"},
    {"added token without id", [](json& f) { f["added_tokens"][0].erase("id"); },
     "added_tokens[0].id: expected an id from 0 to 16777216, found nothing"},
    {"added id is absurd", [](json& f) { f["added_tokens"][0]["id"] = 4294967295; },
     "added_tokens[0].id: expected an id from 0 to 16777216, found 4294967295"},
    {"added content is empty", [](json& f) { f["added_tokens"][0]["content"] = ""; },
     "added_tokens[0].content: expected a string that is not empty, found ''"},
    {"added flag is text", [](json& f) { f["added_tokens"][0]["lstrip"] = "no"; },
     "added_tokens[0].lstrip: expected true or false, found 'no'"},
    {"added id is taken", [](json& f) { f["added_tokens"][0]["id"] = 98; },
     "added_tokens: expected an id of its own for '<s>', or that of the same token in model.vocab, found 98"},
    {"added token has another id", [](json& f) { f["added_tokens"][0]["content"] = "ab"; },
     "added_tokens: expected an id of its own for 'ab', or that of the same token in model.vocab, found 300"},
    {"added id twice", [](json& f) { f["added_tokens"].push_back(added_token(300, "<t>")); },
     "added_tokens: expected an id of its own for '<t>', or that of the same token in model.vocab, found "
     "300"},
    {"added token twice", [](json& f) { f["added_tokens"].push_back(added_token(301, "<s>")); },
     "added_tokens: expected each token once, found '<s>' twice"},

    {"normalizer",
     [](json& f) {
       f["normalizer"] = {{"type", "NFKC"}};
     },
     "normalizer.type: expected one of NFC, Sequence (nested at most 8 deep), found 'NFKC'"},
    {"normalizer in a sequence",
     [](json& f) {
       f["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "Lowercase"}}}}};
     },
     "normalizer.normalizers[0].type: expected one of NFC, Sequence (nested at most 8 deep), found "
     "'Lowercase'"},
    {"normalizer without type", [](json& f) { f["normalizer"] = json::object(); },
     "normalizer.type: expected a string, found nothing"},

    {"no pre-tokenizer", [](json& f) { f["pre_tokenizer"] = nullptr; },
     "pre_tokenizer: expected a ByteLevel pre-tokenizer at the end, found nothing"},
    {"pre-tokenizer",
     [](json& f) {
       f["pre_tokenizer"] = {{"type", "Metaspace"}};
     },
     "pre_tokenizer.type: expected one of ByteLevel, Split, Digits, Sequence (nested at most 8 deep), found "
     "'Metaspace'"},
    {"no ByteLevel",
     [](json& f) {
       f["pre_tokenizer"] = split({{"String", "x"}});
     },
     "pre_tokenizer: expected a ByteLevel pre-tokenizer at the end, found an object"},
    {"ByteLevel not last",
     [](json& f) {
       f["pre_tokenizer"] = sequence({byte_level(false), split({{"String", "x"}})});
     },
     "pre_tokenizer.pretokenizers[1]: expected nothing after ByteLevel, found an object"},
    {"sequence is no list", [](json& f) { f["pre_tokenizer"] = sequence("x"); },
     "pre_tokenizer.pretokenizers: expected an array, found 'x'"},
    {"no prefix flag", [](json& f) { f["pre_tokenizer"].erase("add_prefix_space"); },
     "pre_tokenizer.add_prefix_space: expected true or false, found nothing"},
    {"behavior",
     [](json& f) {
       f["pre_tokenizer"] = sequence({split({{"String", "x"}}, "MergedWithNext"), byte_level(false)});
     },
     "pre_tokenizer.pretokenizers[0].behavior: expected one of Isolated, Removed, found 'MergedWithNext'"},
    {"pattern of no kind",
     [](json& f) {
       f["pre_tokenizer"] = split({{"Glob", "*"}});
     },
     "pre_tokenizer.pattern: expected either Regex or String, found an object"},
    {"pattern of both kinds",
     [](json& f) {
       f["pre_tokenizer"] = split({{"Regex", "x"}, {"String", "x"}});
     },
     "pre_tokenizer.pattern: expected either Regex or String, found an object"},
    {"pattern is empty",
     [](json& f) {
       f["pre_tokenizer"] = split({{"Regex", ""}});
     },
     "pre_tokenizer.pattern.Regex: expected a pattern that is not empty, found ''"},
    {"pattern is none",
     [](json& f) {
       f["pre_tokenizer"] = sequence({split({{"Regex", "a("}}), byte_level(false)});
     },
     "pre_tokenizer.pretokenizers[0].pattern.Regex: expected a regular expression, found 'a(' (missing "
     "closing "
     "parenthesis)"},

    {"no decoder", [](json& f) { f.erase("decoder"); }, "decoder: expected an object, found nothing"},
    {"decoder", [](json& f) { f["decoder"]["type"] = "WordPiece"; },
     "decoder.type: expected one of ByteLevel, Sequence, found 'WordPiece'"},
};

TEST(TokenizerJson, RefusesBadFilesNamingTheField) {
  json good = small_tokenizer({{"a", "b"}});
  good["added_tokens"] = {added_token(300, "<s>")};
  ASSERT_EQ(error_of(good.dump()), "no error");
  for (const BadFile& bad : kBadFiles) {
    json file = good;
    bad.spoil(file);
    EXPECT_EQ(error_of(file.dump()), std::string("tokenizer.json: ") + bad.line) << bad.what;
  }
}

TEST(TokenizerJson, RefusesWhatIsNoJson) {
  const std::string good = small_tokenizer().dump();
  EXPECT_THAT(error_of(""), HasSubstr("tokenizer.json: expected JSON, found a syntax error at byte"));
  EXPECT_THAT(error_of(good + "x"), HasSubstr("expected JSON, found a syntax error at byte"));
  EXPECT_THAT(error_of("{\"a\xFF\": 1}"), HasSubstr("expected JSON, found a syntax error at byte"));
  EXPECT_THAT(error_of("{\"a\": 1e999}"), HasSubstr("expected JSON, found a number out of range"));
  EXPECT_THAT(error_of(good + std::string(1, '\0') + "x"), HasSubstr("found a zero byte at byte"));
  EXPECT_THAT(error_of("[]"),
              HasSubstr("tokenizer.json: top level: expected an object, found an array of 0"));
  EXPECT_THAT(error_of(std::string(100'000, '[')), HasSubstr("nested at most 64 deep"));
  for (std::size_t n = 0; n < good.size(); n += 37) {
    EXPECT_THAT(error_of(good.substr(0, n)), HasSubstr("syntax error at byte")) << n;
  }
}

TEST(TokenizerJson, RefusesKeysThatStandTwice) {
  std::string text = small_tokenizer().dump();
  EXPECT_THAT(error_of("{\"model\":{}," + text.substr(1)), HasSubstr("expected the key 'model' once"));
  const std::string vocabulary = "\"vocab\":{";
  text.replace(text.find(vocabulary), vocabulary.size(), vocabulary + "\"a\":97,");
  EXPECT_THAT(error_of(text),
              HasSubstr("tokenizer.json: model.vocab: expected each token once, found 'a' twice"));
}

TEST(TokenizerJson, RefusesDeepSequences) {
  json file = small_tokenizer();
  for (int i = 0; i < 9; ++i) {
    file["pre_tokenizer"] = sequence(json::array({file["pre_tokenizer"]}));
  }
  EXPECT_THAT(error_of(file.dump()), HasSubstr("nested at most 8 deep"));
}

TEST(TokenizerJson, FindsTheVocabularyOnlyInTheModel) {
  json file = small_tokenizer({{"a", "b"}});
  file["post_processor"] = {{"vocab", {{"x", {1, 2}}}}, {"merges", {{"x", 3}}}};
  file["model"]["other"] = {{"vocab", {{"deeper", 1}}}};
  const TokenizerSpec spec = read_tokenizer_json(file.dump(), "tokenizer.json");
  EXPECT_EQ(spec.vocabulary.size(), 257);
  EXPECT_EQ(spec.merges.size(), 1);
}

TEST(TokenizerJson, OlderFilesLackTypeAndFlags) {
  json file = small_tokenizer();
  file["model"].erase("type");
  file.erase("normalizer");
  file.erase("added_tokens");
  file["pre_tokenizer"].erase("use_regex");
  EXPECT_EQ(error_of(file.dump()), "no error");
}

}  // namespace
}  // namespace reprise::engine::testing
