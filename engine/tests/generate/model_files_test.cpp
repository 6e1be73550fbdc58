// Model files of others generate what others say they do.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/generate/generate.h"
#include "engine/tests/support/data.h"
#include "engine/text/tokenizer.h"

namespace reprise::engine {
namespace {

using reprise::testing::external_data;

nlohmann::json golden_of(const char* model) {
  std::ifstream file(external_data() / model / "golden.json");
  return nlohmann::json::parse(file);
}

std::vector<TokenId> greedy(const std::string& path, const std::vector<TokenId>& prompt, std::int64_t n) {
  Session session(Model::open(path), {}, {});
  GenerateRequest request;
  request.prompt_ids = prompt;
  request.max_new_tokens = n;
  return generate(session, request).generated_ids;
}

TEST(ModelFiles, Stories260KTellsTheGoldensStoryFromBothItsFiles) {
  REPRISE_NEEDS_DATA("stories260K");
  const auto golden = golden_of("stories260K");
  const auto expected = golden.at("greedy_ids").get<std::vector<TokenId>>();
  ASSERT_EQ(expected.size(), 256U);
  for (const char* file : {"stories260K.bin", "stories260K-f32.gguf"}) {
    const std::string path = (external_data() / "stories260K" / file).string();
    EXPECT_EQ(greedy(path, golden.at("prompt").get<std::vector<TokenId>>(), 256), expected) << file;
    const auto text = Model::open(path)->text();
    ASSERT_TRUE(text.has_value()) << file;
    EXPECT_TRUE(text->facts.add_bos) << file;
    EXPECT_EQ(Tokenizer::from_spec(text->tokenizer).decode(expected), golden.at("text").get<std::string>())
        << file;
  }
}

/// Half-split rotary pairs are not moved by GGUF, so the Qwen3 file has the folder's very bits.
TEST(ModelFiles, Qwen3FromGgufComputesTheBitsOfTheFolder) {
  REPRISE_NEEDS_DATA("qwen3-synthetic");
  const std::filesystem::path folder = external_data() / "qwen3-synthetic";
  const auto from_file = Model::open((folder / "qwen3-synthetic-f32.gguf").string());
  const auto from_folder = Model::open(folder.string());
  std::vector<std::vector<float>> logits;
  for (const auto& model : {from_file, from_folder}) {
    Session session(model, {}, {});
    const auto row = session.append(std::vector<TokenId>{1, 2, 3, 40, 50});
    logits.emplace_back(row.data(), row.data() + row.count());
  }
  EXPECT_EQ(logits[0], logits[1]);
}

}  // namespace
}  // namespace reprise::engine
