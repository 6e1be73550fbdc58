/// `reprise model info | convert | synthesize`, and model files through generate, capture and replay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/tests/support/data.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using reprise::testing::external_data;
using testing::CliTest;
using ::testing::HasSubstr;
using testing::Outcome;
using testing::quick;

class ModelFiles : public CliTest {
 protected:
  json generated(const std::string& model, const testing::Arguments& more = {}) const {
    testing::Arguments arguments = {"generate",         model, "--prompt-ids", "1,2,3",
                                    "--max-new-tokens", "8",   "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return json::parse(output(arguments));
  }
};

TEST_F(ModelFiles, SynthesizedFilesGenerateWhatTheNameDoes) {
  for (const std::string precision : {"native", "int8", "int4"}) {
    output({"model", "synthesize", "qwen3-tiny", "tiny.gguf", "--precision", precision});
    EXPECT_EQ(generated("tiny.gguf")["generated_ids"],
              generated("synthetic:qwen3-tiny", {"--precision", precision})["generated_ids"])
        << precision;
  }
  output({"model", "synthesize", "gpt2-tiny", "folder"});
  EXPECT_EQ(generated("folder")["generated_ids"], generated("synthetic:gpt2-tiny")["generated_ids"]);
}

TEST_F(ModelFiles, InfoTellsShapeDigestAndMemory) {
  output({"model", "synthesize", "qwen3-tiny", "tiny.gguf", "--precision", "int8"});
  const std::string text = output({"model", "info", "tiny.gguf", "--tensors"});
  EXPECT_THAT(text,
              HasSubstr("qwen3: 4 layers, width 256, feed-forward 768, 8 heads of 64 (2 key-value heads)"));
  EXPECT_THAT(text, HasSubstr("layers.3.down"));
  const json info = json::parse(output({"model", "info", "tiny.gguf", "--json"}));
  EXPECT_EQ(info["architecture"], "qwen3");
  EXPECT_EQ(info["stored"]["int8"]["tensors"], 1 + 4 * 7);
  EXPECT_EQ(info["sha256"], info["files"]["tiny.gguf"]);
  // Keys and values: 2 x 4 layers x 2 heads x 64 dimensions a position.
  EXPECT_EQ(info["kv_bytes_per_1000_positions"]["f32"], 1000 * 2 * 4 * 2 * 64 * 4);
  EXPECT_EQ(info["kv_bytes_per_1000_positions"]["int8"], 1000 * 2 * 4 * 2 * 2 * 34);
  EXPECT_EQ(info["tensors"].size(), info["stored"]["int8"]["tensors"].get<std::size_t>() +
                                        info["stored"]["f32"]["tensors"].get<std::size_t>());
  const json llama = json::parse(output({"model", "info", "synthetic:llama-tiny", "--json"}));
  EXPECT_TRUE(llama["weights_bytes"]["int4"].is_null()) << "rows of 200 are no whole blocks";
}

TEST_F(ModelFiles, AConversionAndBackKeepsTheWeights) {
  output({"model", "synthesize", "gpt2-tiny", "first"});
  output({"model", "convert", "first", "middle.gguf"});
  output({"model", "convert", "middle.gguf", "last"});
  EXPECT_EQ(testing::read_file(path("first/model.safetensors")),
            testing::read_file(path("last/model.safetensors")));
}

TEST_F(ModelFiles, ACapturedCallOfAFileIsReplayed) {
  output({"model", "synthesize", "qwen3-tiny", "tiny.gguf", "--precision", "int4"});
  output({"generate", "tiny.gguf", "--prompt-ids", "5,6,7,8", "--cached", "2", "--max-new-tokens", "5",
          "--kv-precision", "int8", "--capture", "call.safetensors"});
  const Outcome same =
      run(quick({"replay", "call.safetensors", "--kv-precision", "int8", "--json", "report.json"}));
  EXPECT_EQ(same.exit_code, 0) << same.err;
  const json row = json::parse(testing::read_file(path("report.json")))["rows"][0];
  EXPECT_EQ(row["verification"]["verdict"], "identical");
  EXPECT_EQ(row["placement"]["precision"], "int4");
  EXPECT_EQ(row["capture"]["model"]["stored_precision"], "int4");
  const Outcome other = run(quick({"replay", "call.safetensors", "--precision", "f32"}));
  EXPECT_EQ(other.exit_code, 0) << other.err;
}

TEST_F(ModelFiles, LogprobsAreThoseOfTheLogits) {
  const json call = generated("synthetic:qwen3-tiny", {"--logprobs", "4"});
  ASSERT_EQ(call["logprobs"].size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) {
    const json& step = call["logprobs"][i];
    EXPECT_EQ(step["id"], call["generated_ids"][i]);
    ASSERT_EQ(step["top"].size(), 4U);
    EXPECT_EQ(step["top"][0][0], step["id"]) << "greedy";
    EXPECT_EQ(step["top"][0][1], step["logprob"]);
    EXPECT_GE(step["top"][0][1].get<double>(), step["top"][1][1].get<double>());
  }
  const json all = generated("synthetic:qwen3-tiny", {"--logprobs", "512"});
  double sum = 0;
  for (const json& entry : all["logprobs"][0]["top"]) {
    sum += std::exp(entry[1].get<double>());
  }
  EXPECT_NEAR(sum, 1, 1e-9);
}

TEST_F(ModelFiles, ObviousMistakesHaveOneLine) {
  expect_error({"model", "info", "nowhere.gguf"}, {"nowhere.gguf: model: expected", "found nothing"});
  expect_error({"model", "convert", "synthetic:gpt2-tiny", "x.gguf", "--precision", "int3"}, {"--precision"});
  expect_error({"model", "convert", "synthetic:gpt2-tiny", "folder", "--precision", "int8"},
               {"safetensors has no blocks", "found int8"});
  expect_error({"model", "convert", "synthetic:gpt2-tiny", "x.gguf", "--precision", "int8"},
               {"rows of 72 elements, found int8"});
  expect_error({"model", "convert", "synthetic:microgpt-tiny", "x.gguf"}, {"architecture", "found microgpt"});
  expect_error({"model", "synthesize", "gpt5", "x.gguf"},
               {"expected synthetic:NAME with NAME one of", "found gpt5"});
  expect_error({"generate", "synthetic:gpt2-tiny", "--prompt-ids", "1", "--precision", "int8"},
               {"rows of 72 elements, found int8"});
  expect_error({"generate", "synthetic:llama-tiny", "--prompt-ids", "1", "--kv-precision", "int8"},
               {"kv_precision: expected f32, f16 or bf16 for heads of 16 dimensions"});
  expect_error({"generate", "synthetic:gpt2-tiny", "--prompt-ids", "1", "--logprobs", "3"}, {"--json"});
  testing::write_file(path("text.txt"), "not a model at all, and not a checkpoint either");
  expect_error({"model", "info", "text.txt"}, {"text.txt", "a GGUF file or a llama2.c checkpoint"});
  testing::write_file(path("cut.gguf"), std::string("GGUF\3\0\0\0\1\0", 10));
  expect_error({"generate", "cut.gguf", "--prompt-ids", "1"}, {"cut.gguf"});
}

TEST_F(ModelFiles, AFolderWithFilesIsLeftAlone) {
  output({"model", "synthesize", "gpt2-tiny", "folder"});
  expect_error({"model", "convert", "synthetic:qwen3-tiny", "folder"},
               {"folder: expected a new or an empty folder, found files in it"});
  expect_error({"model", "convert", "synthetic:qwen3-tiny", ""},
               {"OUT: expected a name ending in .gguf or a folder"});
  output({"model", "convert", "folder", "LOUD.GGUF"});
  EXPECT_TRUE(std::filesystem::is_regular_file(path("LOUD.GGUF")));
}

TEST_F(ModelFiles, ATokenizerLargerThanTheEmbeddingIsRefused) {
  output({"model", "synthesize", "qwen3-tiny", "folder"});
  json tokenizer =
      json::parse(testing::read_file(REPRISE_SOURCE_DIR "/engine/model/builtin/names/tokenizer.json"));
  json beyond = tokenizer["added_tokens"][0];
  beyond["id"] = 512;
  beyond["content"] = "<beyond>";
  tokenizer["added_tokens"].push_back(beyond);
  testing::write_file(path("folder/tokenizer.json"), tokenizer.dump());
  expect_error(
      {"generate", "folder", "--prompt", "ab"},
      {"folder/tokenizer.json: token ids: expected those below config.json's vocab_size 512, found 512"});
  // Ids need no tokenizer.
  EXPECT_EQ(generated("folder")["generated_ids"], generated("synthetic:qwen3-tiny")["generated_ids"]);
}

TEST_F(ModelFiles, AFileIsNotWrittenOverItself) {
  output({"model", "synthesize", "gpt2-tiny", "x.gguf"});
  const std::string before = testing::read_file(path("x.gguf"));
  expect_error({"model", "convert", "x.gguf", "x.gguf"}, {"OUT: expected another place than x.gguf"});
  expect_error({"model", "convert", "synthetic:gpt2-tiny", "x.gguf/deeper"}, {"x.gguf"});
  EXPECT_EQ(testing::read_file(path("x.gguf")), before);
}

TEST_F(ModelFiles, StoriesFromBothFilesAndAConvertedFolder) {
  REPRISE_NEEDS_DATA("stories260K");
  const std::filesystem::path stories = external_data() / "stories260K";
  const json golden = json::parse(testing::read_file(stories / "golden.json"));
  output({"model", "convert", (stories / "stories260K.bin").string(), "folder"});
  output({"model", "convert", "folder", "again.gguf"});
  for (const std::string& model :
       {(stories / "stories260K.bin").string(), (stories / "stories260K-f32.gguf").string(),
        std::string("folder"), std::string("again.gguf")}) {
    const json call =
        json::parse(output({"generate", model, "--prompt-ids", "1", "--max-new-tokens", "256", "--json"}));
    EXPECT_EQ(call["generated_ids"], golden["greedy_ids"]) << model;
    EXPECT_EQ(call["text"], golden["text"]) << model;
    // The begin token is put before a text, because the model asks for it.
    const json text =
        json::parse(output({"generate", model, "--prompt", "Lily", "--max-new-tokens", "1", "--json"}));
    EXPECT_EQ(text["prompt_ids"][0], 1) << model;
    const json bare = json::parse(
        output({"generate", model, "--prompt", "Lily", "--no-bos", "--max-new-tokens", "1", "--json"}));
    EXPECT_EQ(bare["prompt_ids"].size() + 1, text["prompt_ids"].size()) << model;
  }
}

}  // namespace
}  // namespace reprise::cli
