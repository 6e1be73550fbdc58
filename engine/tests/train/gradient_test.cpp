// The backward pass against central finite differences of the forward pass, in float64, parameter by
// parameter. The bound: |analytic - numeric| <= 1e-5 * max(|analytic|, |numeric|) + 1e-9. The absolute part
// is what the differences themselves can tell: rounding of a loss of a few nats (4e-16) over a step of 2e-5.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/tests/train/train_fixtures.h"
#include "engine/train/training_decoder.h"

namespace reprise::engine {
namespace {

using reprise::testing::microgpt_config;
using reprise::testing::Random;
using reprise::testing::random_parameters;
using reprise::testing::tiny_gpt2;
using reprise::testing::tiny_llama;
using reprise::testing::tiny_qwen2;
using reprise::testing::tiny_qwen3;

struct GradientCase {
  const char* name;
  ModelConfig config;
  std::int64_t n_tokens;
};
void PrintTo(const GradientCase& test, std::ostream* out) {
  *out << test.name;
}

std::vector<GradientCase> gradient_cases() {
  std::vector<GradientCase> cases = {{"microgpt", microgpt_config(), 17},
                                     {"qwen3", tiny_qwen3(), 9},
                                     {"llama", tiny_llama(), 9},
                                     {"qwen2", tiny_qwen2(), 8},
                                     {"gpt2", tiny_gpt2(), 11}};
  // Choices that no Hugging Face configuration makes, but the forward pass knows.
  ModelConfig mixed = tiny_qwen3();
  mixed.rotary_layout = RotaryLayout::interleaved;
  mixed.feed_forward = FeedForward::gelu;
  mixed.embedding_norm = true;
  mixed.norm_gain = false;
  mixed.qkv_bias = mixed.o_bias = mixed.ffn_bias = true;
  mixed.tied_head = false;
  mixed.learned_positions = true;
  cases.push_back({"mixed", mixed, 9});
  ModelConfig bare = microgpt_config();
  bare.learned_positions = false;
  bare.embedding_norm = false;
  bare.n_layers = 2;
  bare.feed_forward = FeedForward::swiglu;
  bare.tied_head = true;
  cases.push_back({"bare", bare, 5});
  return cases;
}

class Gradient : public ::testing::TestWithParam<GradientCase> {};

TEST_P(Gradient, EqualsFiniteDifferencesForEveryParameter) {
  const auto& [name, config, n_tokens] = GetParam();
  Random random(17);
  const std::vector<TokenId> tokens = random.ids(n_tokens, config.n_vocab);
  Parameters<double> parameters = random_parameters<double>(config, 23);
  TrainingDecoder<double> decoder(config);
  Parameters<double> gradient(config);
  decoder.loss(parameters, tokens);
  decoder.add_gradient(parameters, gradient);

  double worst = 0;
  std::int64_t n_checked = 0;
  for (const TensorSpec& tensor : parameters.tensors()) {
    const TensorView<double> view = parameters.tensor(tensor.slot, tensor.layer);
    const TensorView<const double> analytic = gradient.tensor(tensor.slot, tensor.layer);
    double largest = 0;
    for (std::int64_t i = 0; i < view.count(); ++i, ++n_checked) {
      constexpr double kStep = 1e-5;
      const double value = view.data()[i];
      view.data()[i] = value + kStep;
      const double above = decoder.loss(parameters, tokens);
      view.data()[i] = value - kStep;
      const double below = decoder.loss(parameters, tokens);
      view.data()[i] = value;
      const double numeric = (above - below) / (2 * kStep);
      const double size = std::max(std::abs(analytic.data()[i]), std::abs(numeric));
      const double error = std::abs(analytic.data()[i] - numeric);
      ASSERT_LE(error, 1e-5 * size + 1e-9)
          << name_of(tensor.slot) << " of layer " << tensor.layer << " [" << i << "]: analytic "
          << analytic.data()[i] << ", numeric " << numeric;
      worst = std::max(worst, size > 1e-4 ? error / size : 0);
      largest = std::max(largest, size);
    }
    // Without rotation a bias of keys adds the same to all scores of a query, which softmax does not see.
    const bool is_invisible = tensor.slot == Slot::k_bias && !config.rotary;
    EXPECT_EQ(largest > 1e-4, !is_invisible) << name_of(tensor.slot) << ": largest gradient " << largest;
  }
  EXPECT_EQ(n_checked, config.n_parameters());
  RecordProperty("worst_relative_error", fmt::format("{:.2e}", worst));
}

INSTANTIATE_TEST_SUITE_P(Models, Gradient, ::testing::ValuesIn(gradient_cases()),
                         [](const auto& test) { return std::string(test.param.name); });

/// A batch is the sum of its sequences, so gradients add up.
TEST(Gradients, AddUp) {
  const ModelConfig config = tiny_gpt2();
  const auto parameters = random_parameters<double>(config, 5);
  TrainingDecoder<double> decoder(config);
  Parameters<double> once(config);
  Parameters<double> twice(config);
  const std::vector<TokenId> tokens = {1, 2, 3, 4, 5};
  decoder.loss(parameters, tokens);
  decoder.add_gradient(parameters, once);
  for (int i = 0; i < 2; ++i) {
    decoder.loss(parameters, tokens);
    decoder.add_gradient(parameters, twice);
  }
  for (std::size_t i = 0; i < once.values().size(); ++i) {
    EXPECT_NEAR(twice.values()[i], 2 * once.values()[i], 1e-12);
  }
}

/// What f32 makes of the same gradient: close to float64, and the same bits whatever came before.
TEST(Gradients, FloatIsCloseToDoubleAndRepeats) {
  for (const GradientCase& test : gradient_cases()) {
    Random random(31);
    const std::vector<TokenId> tokens = random.ids(test.n_tokens, test.config.n_vocab);
    const std::vector<TokenId> others = random.ids(2, test.config.n_vocab);
    const auto exact_parameters = random_parameters<double>(test.config, 7);
    const auto parameters = random_parameters<float>(test.config, 7);
    TrainingDecoder<double> exact(test.config);
    Parameters<double> exact_gradient(test.config);
    exact.loss(exact_parameters, tokens);
    exact.add_gradient(exact_parameters, exact_gradient);
    TrainingDecoder<float> decoder(test.config);
    Parameters<float> gradient(test.config);
    const double loss = decoder.loss(parameters, tokens);
    decoder.add_gradient(parameters, gradient);
    double largest = 0;
    double worst = 0;
    for (std::size_t i = 0; i < gradient.values().size(); ++i) {
      const double x = exact_gradient.values()[i];
      largest = std::max(largest, std::abs(x));
      worst = std::max(worst, std::abs(static_cast<double>(gradient.values()[i]) - x));
    }
    EXPECT_LT(worst, 2e-5 * largest) << test.name;

    Parameters<float> again(test.config);
    decoder.loss(parameters, others);
    EXPECT_EQ(decoder.loss(parameters, tokens), loss) << test.name;
    decoder.add_gradient(parameters, again);
    EXPECT_TRUE(std::ranges::equal(again.values(), gradient.values())) << test.name;
  }
}

}  // namespace
}  // namespace reprise::engine
