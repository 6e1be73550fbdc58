// The trainer as a whole: the loss falls, equal seeds give equal bits, bad options are refused.
#include "engine/train/trainer.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/core/digest.h"
#include "engine/tests/support/data.h"
#include "engine/tests/support/error_of.h"
#include "engine/tests/train/invented_names.h"
#include "engine/tests/train/train_fixtures.h"
#include "engine/train/adam.h"
#include "engine/train/documents.h"

namespace reprise::engine {
namespace {

using reprise::testing::error_of;
using reprise::testing::external_data;
using reprise::testing::invented_names;
using reprise::testing::microgpt_config;
using ::testing::HasSubstr;

std::string digest(const Parameters<float>& parameters) {
  return to_hex(sha256(std::as_bytes(parameters.values())));
}

struct TrainingRun {
  std::vector<double> losses;
  double final_loss;
  std::string digest;
};

TrainingRun run_training(const ModelConfig& config, const std::vector<std::vector<TokenId>>& documents,
                         const TrainingOptions& options) {
  std::vector<double> losses;
  const TrainingResult trained = train(config, documents, options, [&](std::int64_t step, double loss) {
    EXPECT_EQ(step, std::ssize(losses));
    losses.push_back(loss);
  });
  return {losses, trained.final_loss, digest(trained.parameters)};
}

double mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) {
    sum += value;
  }
  return sum / static_cast<double>(values.size());
}

ModelConfig config_for(const Documents& documents) {
  ModelConfig config = microgpt_config();
  config.n_vocab = documents.n_vocab();
  return config;
}

TEST(Trainer, LossFallsOnInventedNames) {
  const Documents documents = parse_documents(invented_names(), "names");
  const TrainingRun result = run_training(config_for(documents), documents.documents, {.steps = 400});
  ASSERT_EQ(result.losses.size(), 400U);
  const double chance = std::log(static_cast<double>(documents.n_vocab()));
  EXPECT_NEAR(mean(std::span(result.losses).first(5)), chance, 0.35);
  EXPECT_LT(result.final_loss, chance - 0.8);
  EXPECT_NEAR(result.final_loss, mean(std::span(result.losses).last(100)), 1e-12);
}

TEST(Trainer, FinalLossOfFewSteps) {
  const Documents documents = parse_documents(invented_names(), "names");
  const TrainingRun result = run_training(config_for(documents), documents.documents, {.steps = 3});
  EXPECT_NEAR(result.final_loss, mean(result.losses), 1e-12);
}

TEST(Trainer, EqualSeedsEqualBits) {
  const Documents documents = parse_documents(invented_names(), "names");
  const ModelConfig config = config_for(documents);
  const TrainingRun first = run_training(config, documents.documents, {.steps = 60});
  const TrainingRun again = run_training(config, documents.documents, {.steps = 60});
  EXPECT_EQ(first.losses, again.losses);
  EXPECT_EQ(first.digest, again.digest);
  EXPECT_NE(run_training(config, documents.documents, {.steps = 60, .seed = 43}).digest, first.digest);
  EXPECT_NE(run_training(config, documents.documents, {.steps = 61}).digest, first.digest);
}

/// Every architecture of the family learns, not microgpt alone.
TEST(Trainer, TrainsTheWholeFamily) {
  const std::vector<std::vector<TokenId>> documents = {
      {0, 1, 2, 3, 4, 5, 6, 7, 0}, {0, 3, 2, 1, 0}, {0, 5, 6, 7, 8, 0}};
  for (const ModelConfig& config : {reprise::testing::tiny_qwen3(), reprise::testing::tiny_llama(),
                                    reprise::testing::tiny_qwen2(), reprise::testing::tiny_gpt2()}) {
    const TrainingRun result = run_training(config, documents, {.steps = 300, .learning_rate = 0.02});
    EXPECT_LT(result.final_loss, 0.6) << config.architecture;
    EXPECT_GT(result.losses.front(), 1.8) << config.architecture;
  }
}

TEST(Trainer, CutsDocumentsToTheContext) {
  std::vector<TokenId> longest(40, 3);
  const std::vector<std::vector<TokenId>> as_given = {longest};
  longest.resize(17);
  const std::vector<std::vector<TokenId>> cut = {longest};
  EXPECT_EQ(run_training(microgpt_config(), as_given, {.steps = 4}).digest,
            run_training(microgpt_config(), cut, {.steps = 4}).digest);
  longest.resize(16);
  EXPECT_NE(run_training(microgpt_config(), {longest}, {.steps = 4}).digest,
            run_training(microgpt_config(), cut, {.steps = 4}).digest);
}

TEST(Trainer, RefusesOptionsOutOfRange) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto line = [](const TrainingOptions& options) {
    const Error error = error_of([&] { check_options(options); });
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return std::string(error.what());
  };
  check_options({});
  EXPECT_EQ(line({.steps = 0}), "steps: expected 1 to 1000000000, found 0");
  EXPECT_EQ(line({.learning_rate = 0}), "learning_rate: expected a number above 0, at most 1e30, found 0");
  EXPECT_EQ(line({.learning_rate = nan}),
            "learning_rate: expected a number above 0, at most 1e30, found nan");
  EXPECT_EQ(line({.beta1 = 1}), "beta1: expected a number from 0 to below 1, found 1");
  EXPECT_EQ(line({.beta2 = -0.5}), "beta2: expected a number from 0 to below 1, found -0.5");
  EXPECT_EQ(line({.eps = 0}), "eps: expected a number from 1e-30 to 1, found 0");
  EXPECT_EQ(line({.init_std = nan}), "init_std: expected a number above 0, at most 1e30, found nan");
}

TEST(Trainer, StopsWhenTheLossIsNoNumberAnyMore) {
  const std::vector<std::vector<TokenId>> documents = {{26, 1, 2, 3, 26}};
  const Error error =
      error_of([&] { run_training(microgpt_config(), documents, {.steps = 50, .learning_rate = 1e30}); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  EXPECT_THAT(error.what(), HasSubstr("learning_rate: expected one with which the loss stays a number, found "
                                      "1e+30 (step "));
}

TEST(Trainer, RefusesModelsThatDoNotFit) {
  ModelConfig config = microgpt_config();
  check_trainable(config, 1000, "c");
  // Documents decide how much of a context is used, and only as far as the context goes.
  config.n_context = 1 << 20;
  check_trainable(config, 1000, "c");
  const Error error = error_of([&] { check_trainable(config, 100'000, "c"); });
  EXPECT_EQ(error.code(), ErrorCode::unsupported);
  EXPECT_THAT(error.what(), HasSubstr("c: expected a model that trains in at most 4 GiB of memory, found "));
  // The largest extents that a configuration may have: nothing overflows.
  const std::int64_t most = std::int64_t{1} << 26;
  config = reprise::testing::tiny_qwen3();
  config.d_model = config.d_ff = config.n_heads = config.n_kv_heads = config.head_dim = most;
  config.n_vocab = config.n_context = most;
  config.n_layers = 4096;
  EXPECT_THAT(error_of([&] { check_trainable(config, 10, "c"); }).what(), HasSubstr("found "));
}

TEST(InitialParameters, AreGaussianAndFollowTheSeed) {
  ModelConfig config = microgpt_config();
  config.n_vocab = 2000;
  const Parameters<float> parameters = initial_parameters(config, 1, 0.08);
  double sum = 0;
  double squares = 0;
  double fourth = 0;
  for (const float x : parameters.values()) {
    const double z = static_cast<double>(x) / 0.08;
    sum += z;
    squares += z * z;
    fourth += z * z * z * z;
  }
  const auto n =
      static_cast<double>(parameters.values().size());  // 67,328: standard errors 0.004, 0.006, 0.04
  EXPECT_NEAR(sum / n, 0, 0.016);
  EXPECT_NEAR(squares / n, 1, 0.024);
  EXPECT_NEAR(fourth / n, 3, 0.16);
  EXPECT_EQ(digest(initial_parameters(config, 1, 0.08)), digest(parameters));
  EXPECT_NE(digest(initial_parameters(config, 2, 0.08)), digest(parameters));
  const auto q = parameters.tensor(Slot::q, 0);
  const auto k = parameters.tensor(Slot::k, 0);
  EXPECT_FALSE(std::equal(q.data(), q.data() + q.count(), k.data()));
}

TEST(InitialParameters, GainsAreOneAndBiasesZero) {
  const Parameters<float> parameters = initial_parameters(reprise::testing::tiny_gpt2(), 1, 0.08);
  for (const TensorSpec& tensor : parameters.tensors()) {
    const auto view = parameters.tensor(tensor.slot, tensor.layer);
    if (tensor.shape.rank() == 1) {
      const float expected = name_of(tensor.slot).ends_with("_norm") ? 1.0F : 0.0F;
      EXPECT_TRUE(std::all_of(view.data(), view.data() + view.count(), [&](float x) {
        return x == expected;
      })) << name_of(tensor.slot);
    }
  }
}

TEST(ShuffledOrder, IsAPermutationOfTheSeed) {
  for (const std::size_t n : {0U, 1U, 2U, 1000U}) {
    std::vector<std::size_t> order = shuffled_order(n, 9);
    EXPECT_EQ(order, shuffled_order(n, 9));
    if (n == 1000) {
      EXPECT_NE(order, shuffled_order(n, 10));
      EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
    }
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(order[i], i);
    }
  }
}

/// Two steps worked out by hand from the paper's algorithm: gradients 1, then -0.5; beta1 0.5, beta2 0.75.
TEST(Adam, FollowsThePaper) {
  Adam adam(1, 0.5, 0.75, 0.01);
  std::vector<float> p = {1};
  adam.step(p, std::vector<float>{1}, 0.1);
  // m = 0.5, v = 0.25; corrected 1 and 1.
  EXPECT_NEAR(p[0], 1 - 0.1 * 1 / (1 + 0.01), 1e-6);
  const double before = static_cast<double>(p[0]);
  adam.step(p, std::vector<float>{-0.5F}, 0.2);
  // m = 0.25 - 0.25 = 0; v = 0.1875 + 0.0625 = 0.25.
  EXPECT_NEAR(p[0], before, 1e-6);
  adam.step(p, std::vector<float>{2}, 0.2);
  // m = 1, corrected by 1 - 1/8; v = 0.1875 + 1 = 1.1875, corrected by 1 - 27/64.
  EXPECT_NEAR(p[0], before - 0.2 * (1 / 0.875) / (std::sqrt(1.1875 / (37.0 / 64)) + 0.01), 1e-6);
}

/// The list that microgpt itself is trained on.
TEST(Trainer, LearnsNamesInAThousandSteps) {
  REPRISE_NEEDS_DATA("microgpt/names.txt");
  const Documents documents = read_documents(external_data() / "microgpt/names.txt");
  ASSERT_EQ(documents.documents.size(), 32033U);
  ASSERT_EQ(documents.n_vocab(), 27);
  const TrainingRun first = run_training(microgpt_config(), documents.documents, {});
  ASSERT_EQ(first.losses.size(), 1000U);
  EXPECT_NEAR(first.losses.front(), 3.3, 0.25);
  EXPECT_LT(first.final_loss, 2.45);
  RecordProperty("final_loss", std::to_string(first.final_loss));
  EXPECT_EQ(run_training(microgpt_config(), documents.documents, {}).digest, first.digest);
}

}  // namespace
}  // namespace reprise::engine
