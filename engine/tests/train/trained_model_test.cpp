// What the trainer made, run as it is and read back from a folder: the same parameters and logits, for every
// architecture.
#include "engine/train/trained_model.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "engine/model/convert.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/model/forward.h"
#include "engine/tests/support/random_model.h"
#include "engine/tests/train/train_fixtures.h"
#include "engine/text/tokenizer.h"
#include "engine/train/training_decoder.h"

namespace reprise::engine {
namespace {

using nlohmann::json;
using reprise::testing::Random;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Documents& abc() {
  static const Documents documents = parse_documents("abc\nba", "abc");
  return documents;
}

void expect_parameters(const Model& model, const Parameters<float>& parameters) {
  for (const TensorSpec& tensor : parameters.tensors()) {
    const auto stored = model.tensor(tensor.slot, tensor.layer).as<float>();
    const auto given = parameters.tensor(tensor.slot, tensor.layer);
    EXPECT_TRUE(std::equal(given.data(), given.data() + given.count(), stored.data()))
        << name_of(tensor.slot) << " of layer " << tensor.layer;
  }
}

void expect_text(const Model& model) {
  const auto text = model.text();
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(text->facts.bos, 3);
  EXPECT_EQ(text->facts.eos, 3);
  EXPECT_TRUE(text->facts.add_bos);
  EXPECT_THAT(Tokenizer::from_spec(text->tokenizer).encode("cab<bos>"), ElementsAre(2, 0, 1, 3));
}

class TrainedModels : public ::testing::TestWithParam<std::string_view> {};

TEST_P(TrainedModels, RunAndAreReadBackFromFolders) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    Random random(300 + seed);
    const json shape = reprise::testing::random_config(GetParam(), false, random);
    const ModelConfig config = training_config(shape.dump(), "config", abc());
    const auto parameters = reprise::testing::random_parameters<float>(config, seed);
    const auto trained = make_trained_model("abc", config, parameters, abc().characters);
    const ScratchFolder folder;
    write_hugging_face(*trained, folder.path());
    const auto model = Model::open(folder.path().string());
    EXPECT_EQ(model->config(), config);
    EXPECT_EQ(trained->config(), config);
    expect_parameters(*trained, parameters);
    expect_parameters(*model, parameters);
    expect_text(*trained);
    expect_text(*model);

    const std::vector<TokenId> ids = {3, 0, 1, 2, 3};
    const std::vector<float> logits = logits_of(model, std::span(ids).first(4));
    EXPECT_EQ(logits_of(trained, std::span(ids).first(4)), logits);
    TrainingDecoder<float> decoder(config);
    decoder.loss(parameters, ids);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      ASSERT_NEAR(decoder.logits().data()[i], logits[i], 1e-4F);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, TrainedModels, ::testing::ValuesIn(reprise::testing::kArchitectures),
                         [](const auto& test) { return std::string(test.param); });

TEST(TrainingConfig, MicrogptIsTheDefault) {
  const ModelConfig config = training_config(microgpt_config_json(), "microgpt", abc());
  ModelConfig expected = reprise::testing::microgpt_config();
  expected.n_vocab = 4;
  EXPECT_TRUE(config.computes_as(expected));
  EXPECT_EQ(config.d_ff, 64);
  EXPECT_EQ(config.norm_eps, 1e-5F);
}

TEST(TrainingConfig, DocumentsDecideTheVocabulary) {
  json given = json::parse(microgpt_config_json());
  given["vocab_size"] = 50257;
  given["eos_token_id"] = {50256, 50255};
  given["torch_dtype"] = "bfloat16";
  const ModelConfig config = training_config(given.dump(), "config", abc());
  EXPECT_EQ(config.n_vocab, 4);
  EXPECT_EQ(config.bos_id, 3);
  EXPECT_THAT(config.eos_ids, ElementsAre(3));
  EXPECT_EQ(config.stored_dtype, DType::f32);
}

TEST(TrainingConfig, RefusesWhatTheEngineDoesNotCompute) {
  const auto refusal = [](std::string_view text) {
    return error_of([&] { training_config(text, "config.json", abc()); });
  };
  EXPECT_EQ(refusal("[]"), "config.json: expected a JSON object, found something else");
  EXPECT_THAT(refusal("{"), HasSubstr("config.json: expected JSON"));
  EXPECT_EQ(refusal("{}"), "config.json: model_type: expected a value, found nothing");
  EXPECT_THAT(refusal(R"({"model_type": "mamba"})"), HasSubstr("config.json: model_type: expected one of"));
  EXPECT_THAT(
      refusal(R"({"model_type": "microgpt", "n_embd": 16, "n_layer": 0, "n_head": 4, "block_size": 8})"),
      HasSubstr("config.json: n_layer: expected an integer from 1"));
}

}  // namespace
}  // namespace reprise::engine
