// llama2.c's tokenizer.bin: a real one against the GGUF made of the same model, and files that are damaged.
#include "engine/text/llama2c_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <random>

#include "engine/io/mapped_file.h"
#include "engine/tests/text/tokenizer_fixtures.h"
#include "engine/text/tokenizer_digest.h"
#include "engine/text/tokenizer_gguf.h"
#include "engine/text/utf8.h"

namespace reprise::engine::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class T>
std::string raw(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

std::string raw_token(const std::string& text, float score) {
  return raw(score) + raw(static_cast<std::int32_t>(text.size())) + text;
}

/// 259 tokens that every file has, and `pieces`.
std::string file_of(const std::vector<std::pair<std::string, float>>& pieces) {
  std::string bytes =
      raw(std::int32_t{8}) + raw_token("<unk>", 0) + raw_token("\n<s>\n", 0) + raw_token("\n</s>\n", 0);
  for (int byte = 0; byte < 256; ++byte) {
    bytes += raw_token(spell_byte_piece(static_cast<std::uint8_t>(byte)), 0);
  }
  for (const auto& [text, score] : pieces) {
    bytes += raw_token(text, score);
  }
  return bytes;
}

std::string error_of(const std::string& bytes, std::int64_t n_vocab) {
  return line_of([&] { Tokenizer::from_spec(parse_llama2c_tokenizer(bytes, n_vocab, "t.bin")); });
}

const std::string& good_file() {
  static const std::string kFile = file_of({{" a", -1}, {" ", -2}, {"a", -3}});
  return kFile;
}
constexpr std::int64_t kGoodSize = 262;

TEST(Llama2cTokenizer, ReadsTokensScoresAndBytes) {
  const TokenizerSpec spec = parse_llama2c_tokenizer(good_file(), kGoodSize, "t.bin");
  const Tokenizer tokenizer = Tokenizer::from_spec(spec);
  EXPECT_THAT(tokenizer.encode("a a\n"), ElementsAre(259, 259, 3 + '\n'));
  EXPECT_THAT(tokenizer.encode("<s>a"), ElementsAre(kLlama2cBeginId, 259));
  EXPECT_EQ(tokenizer.decode(Ids{1, 259, 259, 2}), "<s>a a</s>");
  EXPECT_EQ(tokenizer.decode(Ids{1, 259, 259, kLlama2cEndId}, true), "a a");
  EXPECT_EQ(tokenizer.size(), kGoodSize);
  EXPECT_EQ(tokenizer.digest(), tokenizer_digest(spec));
}

TEST(Llama2cTokenizer, RefusesFilesCutAtAnyByteAndLongerOnes) {
  ASSERT_EQ(error_of(good_file(), kGoodSize), "no error");
  for (std::size_t n = 0; n < good_file().size(); ++n) {
    const std::string line = error_of(good_file().substr(0, n), kGoodSize);
    // At an empty file the length of the longest token is cut; a short one may not reach that length.
    EXPECT_TRUE(line.find("found the end of the file after") != std::string::npos ||
                (n < 8 && line.find("length of the longest token: expected") != std::string::npos))
        << n << ": " << line;
    EXPECT_TRUE(line.starts_with("t.bin: ")) << line;
  }
  EXPECT_EQ(error_of(good_file() + "x", kGoodSize),
            "t.bin: expected the file to end after 262 tokens, found 1 bytes more");
  EXPECT_EQ(error_of(good_file(), kGoodSize + 1),
            "t.bin: token 262 of 263: expected 4 bytes, found the end of the file after 0");
}

TEST(Llama2cTokenizer, RefusesLengthsThatCannotBe) {
  const std::size_t first_length = 4 + 4;
  for (const std::int32_t length : {0, -1, std::numeric_limits<std::int32_t>::min(), 9, 1 << 30,
                                    std::numeric_limits<std::int32_t>::max()}) {
    std::string bytes = good_file();
    bytes.replace(first_length, 4, raw(length));
    EXPECT_EQ(error_of(bytes, kGoodSize),
              fmt::format("t.bin: token 0 of 262: expected a length from 1 to 8, found {}", length));
  }
  for (const std::int32_t length : {0, -7, std::numeric_limits<std::int32_t>::max()}) {
    EXPECT_EQ(error_of(raw(length) + good_file().substr(4), kGoodSize),
              fmt::format("t.bin: length of the longest token: expected a length from 1 to {}, found {}",
                          good_file().size(), length));
  }
}

TEST(Llama2cTokenizer, RefusesModelsOfImpossibleSizes) {
  for (const std::int64_t n :
       {std::int64_t{0}, std::int64_t{-5}, std::int64_t{259}, std::int64_t{kMaxTokenId} + 1,
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_EQ(error_of(good_file(), n),
              fmt::format("t.bin: expected a model with 260 to 16777216 tokens, found {}", n));
  }
}

TEST(Llama2cTokenizer, RefusesTokensThatCannotBe) {
  std::string bytes = good_file();
  bytes.replace(bytes.find("<unk>"), 5, "<UNK>");
  EXPECT_EQ(error_of(bytes, kGoodSize), "t.bin: token 0: expected '<unk>', found '<UNK>'");
  bytes = good_file();
  bytes.replace(bytes.find("<0x07>"), 6, "<0x08>");
  EXPECT_EQ(error_of(bytes, kGoodSize), "t.bin: token 10: expected '<0x07>', found '<0x08>'");
  EXPECT_EQ(error_of(file_of({{"a\xFF", 0}}), 260), R"(t.bin: token 259: expected UTF-8, found 'a\xff')");
  EXPECT_EQ(error_of(file_of({{"a", 0}, {"a", -1}}), 261),
            "t.bin: tokens: expected each token once, found 'a' twice");
  EXPECT_EQ(error_of(file_of({{"a", std::numeric_limits<float>::quiet_NaN()}}), 260),
            "t.bin: token 259 of 260: expected a finite score, found nan");
}

TEST(Llama2cTokenizer, ReadsFilesByPath) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "reprise_llama2c_tokenizer_test.bin";
  std::ofstream(path, std::ios::binary) << good_file();
  EXPECT_EQ(read_llama2c_tokenizer(path, kGoodSize).vocabulary.size(), kGoodSize);
  std::filesystem::remove(path);
  EXPECT_THAT(line_of([&] { read_llama2c_tokenizer(path, kGoodSize); }), HasSubstr(path.string()));
}

TEST(Llama2cTokenizer, DamagedFilesLoadOrAreRefused) {
  std::mt19937 random(31);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good_file();
    for (auto i = 1 + random() % 3; i > 0; --i) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const std::string line = line_of([&] {
      const Tokenizer tokenizer = Tokenizer::from_spec(parse_llama2c_tokenizer(bytes, kGoodSize, "t.bin"));
      (void)tokenizer.decode(tokenizer.encode("a a<s>\u00E9"));
    });
    EXPECT_TRUE(line == "no error" || line.starts_with("t.bin: ")) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

class Stories : public ::testing::Test {
 protected:
  static std::filesystem::path folder() { return reprise::testing::external_data() / "stories260K"; }
  static TokenizerSpec from_bin() { return read_llama2c_tokenizer(folder() / "tok512.bin", 512); }
  static TokenizerSpec from_gguf() {
    return read_tokenizer_gguf(GgufFile::open(folder() / "stories260K-f32.gguf"));
  }
  static json golden() { return json::parse(read_text_file(folder() / "golden.json")); }
};

TEST_F(Stories, DecodesTheGoldenText) {
  REPRISE_NEEDS_DATA("stories260K");
  const auto ids = golden().at("greedy_ids").get<Ids>();
  const auto text = golden().at("text").get<std::string>();
  for (const TokenizerSpec& spec : {from_bin(), from_gguf()}) {
    const Tokenizer tokenizer = Tokenizer::from_spec(spec);
    EXPECT_EQ(tokenizer.decode(ids), text);
    Ids with_begin = ids;
    with_begin.insert(with_begin.begin(), kLlama2cBeginId);
    EXPECT_EQ(tokenizer.decode(with_begin, true), text);
    StreamingDecoder stream(tokenizer);
    std::string streamed;
    for (const TokenId id : ids) {
      streamed += stream.push(id);
    }
    EXPECT_EQ(streamed + stream.finish(), text);
  }
}

TEST_F(Stories, EncodesTheGoldenText) {
  REPRISE_NEEDS_DATA("stories260K");
  const auto text = golden().at("text").get<std::string>();
  const Tokenizer tokenizer = Tokenizer::from_spec(from_bin());
  // The text ends inside the model's last word; up to there the model wrote what encoding gives.
  EXPECT_EQ(tokenizer.encode(text), golden().at("greedy_ids").get<Ids>());
}

TEST_F(Stories, FileAndGgufAgree) {
  REPRISE_NEEDS_DATA("stories260K");
  const Tokenizer bin = Tokenizer::from_spec(from_bin());
  const Tokenizer gguf = Tokenizer::from_spec(from_gguf());
  EXPECT_EQ(bin.digest(), gguf.digest());
  ASSERT_EQ(bin.size(), 512);
  ASSERT_EQ(gguf.size(), 512);
  for (TokenId id = 0; id < 512; ++id) {
    EXPECT_EQ(bin.token_bytes(id), gguf.token_bytes(id));
    EXPECT_EQ(bin.is_special(id), gguf.is_special(id));
  }
  std::mt19937 random(32);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (auto n = random() % 30; n > 0; --n) {
      text += random() % 5 == 0 ? std::string(1, static_cast<char>(random()))
                                : std::string(bin.token_bytes(static_cast<TokenId>(random() % 512)));
    }
    ASSERT_EQ(bin.encode(text), gguf.encode(text)) << text;
    const std::string valid = replace_invalid_utf8(text);
    if (valid.find("<s>") == std::string::npos && valid.find("</s>") == std::string::npos &&
        valid.find("<unk>") == std::string::npos) {
      ASSERT_EQ(bin.decode(bin.encode(text)), valid);
    }
  }
}

}  // namespace
}  // namespace reprise::engine::testing
