/// The program with trained models, where the external test data is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

class RealModels : public CliTest {};

std::string joined(const json& ids) {
  std::string text;
  for (const auto& id : ids) {
    text += (text.empty() ? "" : ",") + id.dump();
  }
  return text;
}

TEST_F(RealModels, GenerateGivesTheGoldenTokensAndText) {
  REPRISE_NEEDS_DATA("minimind2-small");
  const std::filesystem::path model = external_data() / "minimind2-small";
  const json golden = json::parse(testing::read_file(model / "golden.json"));
  for (const json& example : golden["cases"]) {
    const json call =
        json::parse(output({"generate", model.string(), "--prompt-ids", joined(example["prompt_ids"]),
                            "--max-new-tokens", std::to_string(example["greedy_ids"].size()), "--json"}));
    EXPECT_EQ(call["generated_ids"], example["greedy_ids"]);
    EXPECT_EQ(call["text"], example["greedy_text"]);
    const bool eos = example["greedy_ids"].back() == 2;
    EXPECT_EQ(call["finish_reason"], eos ? "eos" : "length");
  }
  // The text of a prompt goes through the model's own tokenizer, markup included.
  const json& short_one = golden["cases"].back();
  const Outcome outcome =
      run({"generate", model.string(), "--prompt", short_one["prompt_text"].get<std::string>()});
  EXPECT_EQ(outcome.out, short_one["greedy_text"].get<std::string>() + "\n");
  EXPECT_THAT(outcome.err, HasSubstr("; eos\n"));
}

TEST_F(RealModels, WithoutTokenizerOnlyIdsAreTaken) {
  REPRISE_NEEDS_DATA("qwen3-synthetic");
  const std::string model = (external_data() / "qwen3-synthetic").string();
  expect_error({"generate", model, "--prompt", "hello"},
               {model + ": tokenizer: expected one with the weights, found none; use --prompt-ids"});
  const json call =
      json::parse(output({"generate", model, "--prompt-ids", "1,2", "--max-new-tokens", "3", "--json"}));
  EXPECT_TRUE(call["text"].is_null());
}

TEST_F(RealModels, AMovedModelIsFoundByDigest) {
  REPRISE_NEEDS_DATA("qwen3-synthetic");
  const std::filesystem::path data = external_data() / "qwen3-synthetic";
  std::filesystem::create_directory(path("model"));
  for (const char* file : {"config.json", "model.safetensors"}) {
    std::filesystem::copy_file(data / file, path("model") / file);
  }
  const Outcome made = run({"generate", "model", "--prompt-ids", "5,6,7", "--max-new-tokens", "4",
                            "--capture", "call.safetensors"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  // From another folder: the capture holds the model's place, not the way there.
  std::filesystem::create_directory(path("elsewhere"));
  std::filesystem::rename(path("call.safetensors"), path("elsewhere/call.safetensors"));
  EXPECT_EQ(
      json::parse(output({"capture", "show", "--json", "elsewhere/call.safetensors"}))[0]["model"]["spec"],
      path("model").string());

  std::filesystem::create_directories(path("models/other"));
  std::filesystem::rename(path("model"), path("models/renamed"));
  EXPECT_EQ(run({"replay", "elsewhere/call.safetensors"}).exit_code, 4);
  const Outcome found =
      run(quick({"replay", "elsewhere/call.safetensors"}), "/nonexistent:" + path("models").string());
  EXPECT_EQ(found.exit_code, 0) << found.err;
  EXPECT_THAT(found.out, HasSubstr("identical"));
}

}  // namespace
}  // namespace reprise::cli
