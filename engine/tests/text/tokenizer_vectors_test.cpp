// Published tokenizers against ids computed by other people's programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "engine/io/mapped_file.h"
#include "engine/tests/text/tokenizer_fixtures.h"
#include "engine/text/tokenizer_digest.h"
#include "engine/text/utf8.h"

namespace reprise::engine::testing {
namespace {

struct Vector {
  std::string text;
  Ids ids;
};

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Made with the Hugging Face tokenizers library; `column` names the tokenizer.
std::vector<Vector> hugging_face_vectors(const std::string& column) {
  std::ifstream file(reprise::testing::external_data() / "vectors" / "tokenizer-vectors.jsonl");
  std::vector<Vector> vectors;
  for (std::string line; std::getline(file, line);) {
    const json entry = json::parse(line);
    vectors.push_back({entry.at("text"), entry.at(column)});
  }
  return vectors;
}

std::vector<Vector> llama_cpp_vectors(const std::string& name) {
  const auto path = [&](const char* suffix) {
    return reprise::testing::external_data() / "vectors" / ("ggml-vocab-" + name + ".gguf" + suffix);
  };
  const std::string inputs = content_of(path(".inp"));
  std::ifstream outputs(path(".out"));
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<Vector> vectors;
  std::size_t begin = 0;
  for (std::string line; std::getline(outputs, line);) {
    const std::size_t end = inputs.find(separator, begin);
    std::istringstream numbers(line);
    vectors.push_back({inputs.substr(begin, end - begin), Ids(std::istream_iterator<TokenId>(numbers), {})});
    begin = end + separator.size();
  }
  return vectors;
}

void expect_vector(const Tokenizer& tokenizer, const Vector& vector, bool nfc) {
  const Ids ids = tokenizer.encode(vector.text);
  EXPECT_EQ(ids, vector.ids) << vector.text;
  EXPECT_EQ(tokenizer.decode(ids), nfc ? to_nfc(vector.text) : vector.text);

  StreamingDecoder stream(tokenizer);
  std::string streamed;
  for (const TokenId id : ids) {
    const std::string piece = stream.push(id);
    EXPECT_TRUE(is_valid_utf8(piece));
    streamed += piece;
  }
  EXPECT_EQ(streamed + stream.finish(), tokenizer.decode(ids));
}

class PublishedTokenizer : public ::testing::TestWithParam<const char*> {};

TEST_P(PublishedTokenizer, GivesTheIdsOfHuggingFace) {
  REPRISE_NEEDS_DATA("vectors");
  const std::string name = GetParam();
  const std::vector<Vector> vectors = hugging_face_vectors(name);
  ASSERT_EQ(vectors.size(), 112);
  for (const Vector& vector : vectors) {
    expect_vector(published(name), vector, name == "qwen3");
  }
}

/// All vectors there are for a tokenizer.
void expect_all_vectors(const Tokenizer& tokenizer, const std::string& name) {
  for (const Vector& vector : hugging_face_vectors(name)) {
    expect_vector(tokenizer, vector, name == "qwen3");
  }
  if (name != "minimind2") {
    for (const Vector& vector : llama_cpp_vectors(name == "gpt2" ? "gpt-2" : "qwen2")) {
      expect_vector(tokenizer, vector, false);
    }
  }
}

TEST_P(PublishedTokenizer, GivesTheSameIdsThroughGguf) {
  REPRISE_NEEDS_DATA("vectors");
  const std::string name = GetParam();
  const TokenizerSpec spec = read_tokenizer_json(read_text_file(published_file(name)), name);
  const std::int64_t n_vocab = published(name).size() + 267;
  const TokenizerSpec back = through_gguf(spec, n_vocab);
  const Tokenizer tokenizer = Tokenizer::from_spec(back);
  EXPECT_EQ(tokenizer.size(), published(name).size());
  EXPECT_EQ(tokenizer.digest(), tokenizer_digest(spec));
  expect_all_vectors(tokenizer, name);
  EXPECT_EQ(tokenizer_digest(through_gguf(back, n_vocab - 267)), tokenizer.digest());
}

TEST_P(PublishedTokenizer, GivesTheSameIdsThroughTokenizerJson) {
  REPRISE_NEEDS_DATA("vectors");
  const std::string name = GetParam();
  const TokenizerSpec spec = read_tokenizer_json(read_text_file(published_file(name)), name);
  const TokenizerSpec back = through_json(spec);
  EXPECT_EQ(tokenizer_digest(back), tokenizer_digest(spec));
  expect_all_vectors(Tokenizer::from_spec(back), name);
}

// What the converter does in either direction, one after the other.
TEST_P(PublishedTokenizer, GivesTheSameIdsThroughGgufAndTokenizerJson) {
  REPRISE_NEEDS_DATA("vectors");
  const std::string name = GetParam();
  const TokenizerSpec spec = read_tokenizer_json(read_text_file(published_file(name)), name);
  const TokenizerSpec back = through_json(through_gguf(spec, published(name).size()));
  EXPECT_EQ(tokenizer_digest(back), tokenizer_digest(spec));
  expect_all_vectors(Tokenizer::from_spec(back), name);
}

INSTANTIATE_TEST_SUITE_P(All, PublishedTokenizer, ::testing::Values("qwen3", "gpt2", "minimind2"));

// Qwen2.5 differs from Qwen3 only in that it lacks four added tokens.
TEST(TokenizerVectors, Qwen3GivesTheIdsOfQwen25ApartFromItsOwnTokens) {
  REPRISE_NEEDS_DATA("vectors");
  int tested = 0;
  for (const Vector& vector : hugging_face_vectors("qwen2_5")) {
    const bool qwen3_only = std::ranges::any_of(
        std::vector<std::string>{"<tool_response>", "</tool_response>", "<think>", "</think>"},
        [&](const std::string& token) { return vector.text.find(token) != std::string::npos; });
    if (!qwen3_only) {
      expect_vector(published("qwen3"), vector, true);
      ++tested;
    }
  }
  EXPECT_GT(tested, 100);
}

TEST(TokenizerVectors, GivesTheIdsOfLlamaCpp) {
  REPRISE_NEEDS_DATA("vectors");
  for (const auto& [file, name] : {std::pair("gpt-2", "gpt2"), std::pair("qwen2", "qwen3")}) {
    const std::vector<Vector> vectors = llama_cpp_vectors(file);
    ASSERT_EQ(vectors.size(), 46);
    for (const Vector& vector : vectors) {
      expect_vector(published(name), vector, false);
    }
  }
}

TEST(TokenizerVectors, PublishedFilesHaveTheirSizesSpecialTokensAndDigests) {
  REPRISE_NEEDS_DATA("vectors");
  const Tokenizer& qwen3 = published("qwen3");
  EXPECT_EQ(qwen3.size(), 151669);
  EXPECT_EQ(qwen3.id_of("<|im_end|>"), 151645);
  EXPECT_TRUE(qwen3.is_special(151645));
  EXPECT_FALSE(qwen3.is_special(151667)) << "<think> is added, but not special";
  EXPECT_EQ(qwen3.token_bytes(151667), "<think>");
  EXPECT_EQ(qwen3.decode(Ids{151644, 9707, 151645}, true), "Hello");
  EXPECT_EQ(qwen3.digest(), "aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4");
  EXPECT_EQ(published("gpt2").size(), 50257);
  EXPECT_EQ(published("minimind2").size(), 6400);
}

}  // namespace
}  // namespace reprise::engine::testing
