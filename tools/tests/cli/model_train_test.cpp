/// reprise model train: from a text file to a model that generates, and everything it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/tests/train/invented_names.h"
#include "tools/tests/cli/support/program.h"

namespace reprise::cli {
namespace {

using nlohmann::json;
using reprise::testing::invented_names;
using testing::Arguments;
using testing::CliTest;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::Outcome;
using testing::read_file;
using testing::write_file;

class ModelTrain : public CliTest {
 protected:
  ModelTrain() { write_file(path("names.txt"), invented_names()); }

  /// `reprise model train` of the invented names into "out", and what was expected of it.
  void expect_refused(const Arguments& flags, const std::vector<std::string>& expected) const {
    Arguments arguments = {"model", "train", "names.txt", "out"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    expect_error(arguments, expected);
  }
};

TEST_F(ModelTrain, MakesAModelThatGenerates) {
  const Outcome made = run({"model", "train", "names.txt", "out", "--steps", "200"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.err, "") << "a progress line is for terminals";
  EXPECT_THAT(made.out,
              MatchesRegex("out: microgpt, [0-9]+ parameters, 200 documents, 200 steps at [0-9]+ steps/s, "
                           "loss [12]\\.[0-9]+ nats a token \\(mean of the last 100\\)\n"));
  const json call = json::parse(
      output({"generate", "out", "--prompt", "tra", "--max-new-tokens", "3", "--json", "--ignore-eos"}));
  EXPECT_EQ(call["prompt_ids"].size(), 4U) << "a document begins with its boundary";
  EXPECT_EQ(call["generated_ids"].size(), 3U);
  EXPECT_FALSE(call["text"].is_null());
}

TEST_F(ModelTrain, EqualCommandsGiveEqualFiles) {
  const auto train = [&](const std::string& out, const std::string& seed) {
    return json::parse(output(
        {"model", "train", "names.txt", out, "--steps", "30", "--seed", seed, "--eps", "1e-7", "--json"}));
  };
  const json first = train("a", "7");
  const json again = train("b", "7");
  const json other = train("c", "8");
  EXPECT_EQ(first["path"], "a");
  EXPECT_EQ(first["steps"], 30);
  EXPECT_EQ(first["seed"], "7");
  EXPECT_GT(first["steps_per_second"], 0);
  EXPECT_EQ(first["final_loss"], again["final_loss"]);
  EXPECT_NE(first["final_loss"], other["final_loss"]);
  const std::string weights = read_file(path("a") / "model.safetensors");
  EXPECT_EQ(weights, read_file(path("b") / "model.safetensors"));
  EXPECT_EQ(read_file(path("a") / "config.json"), read_file(path("b") / "config.json"));
  EXPECT_EQ(read_file(path("a") / "tokenizer.json"), read_file(path("b") / "tokenizer.json"));
  EXPECT_NE(weights, read_file(path("c") / "model.safetensors"));
}

TEST_F(ModelTrain, OtherConfigurationsAndCharacters) {
  write_file(path("config.json"),
             R"({"model_type": "llama", "hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 2,
                 "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 8,
                 "rms_norm_eps": 1e-5})");
  write_file(path("words.txt"), "grün\nblau\nweiß\n日本\n");
  std::filesystem::create_directory(path("out"));  // an empty folder is as good as a new one
  const Outcome made =
      run({"model", "train", "words.txt", "out", "--config", "config.json", "--steps", "20"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("out: llama, "));
  const json call = json::parse(
      output({"generate", "out", "--prompt", "日ß", "--max-new-tokens", "2", "--json", "--ignore-eos"}));
  EXPECT_EQ(call["prompt_ids"].size(), 3U);
}

TEST_F(ModelTrain, RefusesFlagsOutOfRange) {
  expect_refused({"--steps", "0"}, {"--steps: expected 1 to 1000000000, found 0"});
  expect_refused({"--steps", "-5"}, {"--steps: expected 1 to 1000000000, found -5"});
  expect_refused({"--steps", "many"}, {"--steps: expected a whole number, found 'many'"});
  expect_refused({"--seed", "-1"}, {"--seed: expected a whole number from 0", "found '-1'"});
  expect_refused({"--learning-rate", "0"}, {"--learning-rate: expected a number above 0", "found 0"});
  expect_refused({"--learning-rate", "1e30", "--steps", "50"},
                 {"--learning-rate: expected one with which the loss stays a number, found 1e+30"});
  expect_refused({"--beta1", "1"}, {"--beta1: expected a number from 0 to below 1, found 1"});
  expect_refused({"--beta2", "nan"}, {"--beta2: expected a number from 0 to below 1, found nan"});
  expect_refused({"--eps", "0"}, {"--eps: expected a number from 1e-30 to 1, found 0"});
  expect_refused({"--init-std", "-1"}, {"--init-std: expected a number above 0", "found -1"});
}

TEST_F(ModelTrain, RefusesDocumentsThatAreNone) {
  write_file(path("empty.txt"), "\n \n");
  write_file(path("bytes.txt"), "ab\n\xff\n");
  write_file(path("tab.txt"), "a\tb\n");
  const auto expect = [&](const std::string& file, const std::string& line) {
    expect_error({"model", "train", file, "out"}, {line});
  };
  expect("missing.txt", "missing.txt: cannot open: No such file or directory");
  expect(".", ".: ");
  expect("empty.txt", "empty.txt: expected a document a line, found none");
  expect("bytes.txt", "bytes.txt: line 2, byte 1: expected UTF-8, found byte 0xff");
  expect("tab.txt", "tab.txt: line 1, byte 2: expected text, found control character U+0009");
  expect_error({"model", "train", "names.txt"}, {"OUT: expected one, found nothing"});
}

TEST_F(ModelTrain, RefusesPlacesThatAreTaken) {
  std::filesystem::create_directory(path("full"));
  write_file(path("full") / "config.json", "{}");
  const auto expect = [&](const std::string& out, const std::string& line) {
    expect_error({"model", "train", "names.txt", out, "--steps", "1"}, {line});
  };
  expect("full", "full: expected a new or an empty folder, found files in it");
  expect("names.txt", "names.txt: expected a new or an empty folder, found a file");
  expect("missing/out", "missing/out: cannot make the folder: No such file or directory");
  EXPECT_EQ(read_file(path("full") / "config.json"), "{}");
}

TEST_F(ModelTrain, RefusesConfigurationsItCannotTrain) {
  const auto expect = [&](const std::string& config, const std::string& line) {
    write_file(path("config.json"), config);
    expect_refused({"--config", "config.json"}, {line});
  };
  expect_refused({"--config", "missing.json"}, {"missing.json: cannot open"});
  expect("{", "config.json: expected JSON");
  expect("{}", "config.json: model_type: expected a value, found nothing");
  expect(R"({"model_type": "microgpt", "n_embd": 15, "n_layer": 1, "n_head": 4, "block_size": 8})",
         "config.json: n_head: expected a divisor of n_embd, found 4");
  expect(R"({"model_type": "microgpt", "n_embd": 65536, "n_layer": 4096, "n_head": 4, "block_size": 8})",
         "config.json: expected a model that trains in at most 4 GiB of memory, found ");
}

}  // namespace
}  // namespace reprise::cli
