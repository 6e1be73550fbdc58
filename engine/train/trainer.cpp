#include "engine/train/trainer.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/train/adam.h"
#include "engine/train/training_decoder.h"

namespace reprise::engine {
namespace {

constexpr double kMaxGibibytes = 4;
constexpr std::int64_t kMaxSteps = 1'000'000'000;

void require(bool good, const char* name, const char* expected, double found) {
  if (!good) {
    fail(ErrorCode::invalid_argument, "{}: expected {}, found {}", name, expected, found);
  }
}

/// In double, where no product of extents overflows: configurations are checked by this before anything is
/// allocated or multiplied.
double training_bytes(const ModelConfig& c, double n_tokens) {
  const auto d_model = static_cast<double>(c.d_model);
  const auto d_ff = static_cast<double>(c.d_ff);
  const auto d_q = static_cast<double>(c.n_heads) * static_cast<double>(c.head_dim);
  const auto n_layers = static_cast<double>(c.n_layers);
  const auto n_vocab = static_cast<double>(c.n_vocab);
  const double per_layer = d_model * (4 * d_q + 3 * d_ff + 8) + 4 * d_q + 2 * d_ff;
  const double parameters =
      n_layers * per_layer + d_model * (2 * n_vocab + static_cast<double>(c.n_context) + 2);
  const double activations_of_token =
      n_layers * (4 * d_model + 7 * d_q + 3 * d_ff + static_cast<double>(c.n_heads) * n_tokens) +
      3 * d_model + n_vocab + static_cast<double>(c.head_dim);
  // Parameters, their gradients and two moments; activations and their gradients.
  return sizeof(float) * (4 * parameters + 2 * activations_of_token * n_tokens);
}

}  // namespace

void check_options(const TrainingOptions& o) {
  const auto is_share = [](double x) { return x >= 0 && x < 1; };
  const auto is_positive = [](double x) { return x > 0 && x <= 1e30; };
  if (o.steps < 1 || o.steps > kMaxSteps) {
    fail(ErrorCode::invalid_argument, "steps: expected 1 to {}, found {}", kMaxSteps, o.steps);
  }
  require(is_positive(o.learning_rate), "learning_rate", "a number above 0, at most 1e30", o.learning_rate);
  require(is_share(o.beta1), "beta1", "a number from 0 to below 1", o.beta1);
  require(is_share(o.beta2), "beta2", "a number from 0 to below 1", o.beta2);
  require(is_positive(o.init_std), "init_std", "a number above 0, at most 1e30", o.init_std);
  // Smaller ones vanish in f32.
  require(o.eps >= 1e-30 && o.eps <= 1, "eps", "a number from 1e-30 to 1", o.eps);
}

void check_trainable(const ModelConfig& config, std::size_t n_tokens, const std::string& name) {
  const double longest = std::min(static_cast<double>(n_tokens), static_cast<double>(config.n_context) + 1);
  const double gibibytes = training_bytes(config, longest) * 0x1p-30;
  if (gibibytes > kMaxGibibytes) {
    fail(ErrorCode::unsupported,
         "{}: expected a model that trains in at most {} GiB of memory, found {:.3g} GiB", name,
         kMaxGibibytes, gibibytes);
  }
}

TrainingResult train(const ModelConfig& config, const std::vector<std::vector<TokenId>>& documents,
                     const TrainingOptions& options, FunctionRef<void(std::int64_t, double)> on_step) {
  check_options(options);
  REPRISE_CHECK(!documents.empty());
  TrainingResult trained{initial_parameters(config, options.seed, options.init_std)};
  Parameters<float> gradient(config);
  TrainingDecoder<float> decoder(config);
  Adam adam(gradient.values().size(), options.beta1, options.beta2, options.eps);
  const std::vector<std::size_t> order = shuffled_order(documents.size(), options.seed);
  const std::int64_t n_final = std::min(kFinalLossSteps, options.steps);
  for (std::int64_t step = 0; step < options.steps; ++step) {
    const std::vector<TokenId>& document = documents[order[static_cast<std::size_t>(step) % order.size()]];
    const auto n_tokens = std::min(document.size(), static_cast<std::size_t>(config.n_context) + 1);
    const double loss = decoder.loss(trained.parameters, std::span(document).first(n_tokens));
    if (!std::isfinite(loss)) {
      fail(ErrorCode::invalid_argument,
           "learning_rate: expected one with which the loss stays a number, found {} (step {})",
           options.learning_rate, step);
    }
    std::ranges::fill(gradient.values(), 0.0F);
    decoder.add_gradient(trained.parameters, gradient);
    const double share_left = 1 - static_cast<double>(step) / static_cast<double>(options.steps);
    adam.step(trained.parameters.values(), gradient.values(), options.learning_rate * share_left);
    if (step >= options.steps - n_final) {
      trained.final_loss += loss / static_cast<double>(n_final);
    }
    on_step(step, loss);
  }
  return trained;
}

}  // namespace reprise::engine
