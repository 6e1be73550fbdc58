// The trainer's forward pass against the engine's, which other tests compare with independent goldens.
#include "engine/tests/model/forward.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/random_model.h"
#include "engine/tests/train/train_fixtures.h"
#include "engine/train/training_decoder.h"

namespace reprise::engine {
namespace {

using reprise::testing::kArchitectures;
using reprise::testing::Random;
using reprise::testing::random_config;
using reprise::testing::random_model;

template <class T>
Parameters<T> parameters_of(const Model& model) {
  Parameters<T> parameters(model.config());
  for (const TensorSpec& tensor : parameters.tensors()) {
    const auto stored = model.tensor(tensor.slot, tensor.layer).as<float>();
    const TensorView<T> view = parameters.tensor(tensor.slot, tensor.layer);
    std::copy(stored.data(), stored.data() + stored.count(), view.data());
  }
  return parameters;
}

/// Mean cross-entropy of ids[1 ..] from the engine's logits [n, n_vocab], in double.
double loss_of(const std::vector<float>& logits, const std::vector<TokenId>& ids, std::int64_t n_vocab) {
  double total = 0;
  for (std::size_t t = 0; t + 1 < ids.size(); ++t) {
    const float* row = logits.data() + static_cast<std::int64_t>(t) * n_vocab;
    double sum = 0;
    for (std::int64_t i = 0; i < n_vocab; ++i) {
      sum += std::exp(static_cast<double>(row[i]));
    }
    total += std::log(sum) - static_cast<double>(row[ids[t + 1]]);
  }
  return total / static_cast<double>(ids.size() - 1);
}

template <class T>
void expect_the_engines_logits(const std::shared_ptr<const Model>& model, const std::vector<TokenId>& ids) {
  const std::vector<float> expected = logits_of(model, std::span(ids).first(ids.size() - 1));
  TrainingDecoder<T> decoder(model->config());
  const double loss = decoder.loss(parameters_of<T>(*model), ids);
  const TensorView<const T> logits = decoder.logits();
  ASSERT_EQ(logits.count(), std::ssize(expected));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(logits.data()[i]), static_cast<double>(expected[i]), 1e-4)
        << "logit " << i;
  }
  EXPECT_NEAR(loss, loss_of(expected, ids, model->config().n_vocab), 1e-4);
}

class Forward : public ::testing::TestWithParam<std::string_view> {};

TEST_P(Forward, GivesTheLogitsOfTheEngine) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(100 + seed);
    ScratchFolder folder;
    random_model(random_config(GetParam(), false, random), seed).write(folder.path());
    const auto model = Model::open(folder.path().string());
    const auto ids = random.ids(random.between(2, 30), model->config().n_vocab);
    expect_the_engines_logits<double>(model, ids);
    expect_the_engines_logits<float>(model, ids);
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, Forward, ::testing::ValuesIn(kArchitectures),
                         [](const auto& test) { return std::string(test.param); });

TEST(TrainingDecoder, RefusesWhatItCannotPredict) {
  const ModelConfig config = reprise::testing::microgpt_config();
  const Parameters<float> parameters(config);
  TrainingDecoder<float> decoder(config);
  EXPECT_DEATH(decoder.loss(parameters, std::vector<TokenId>{26}), "tokens");
  EXPECT_DEATH(decoder.loss(parameters, std::vector<TokenId>(18, 1)), "n_context");
}

}  // namespace
}  // namespace reprise::engine
