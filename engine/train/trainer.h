/// Trains a small decoder from nothing on documents of tokens: one document a step, Adam, a learning rate
/// that falls linearly to 0. Meant for models of thousands to a few million parameters. Used by
/// `reprise model train`.
///
/// Determinism: weights are a function of configuration, documents and options: on one build and machine the
/// same bits in every run. Training is single-threaded f32 whose sums have a fixed order; only the initial
/// weights and the rotary tables pass through the C library (in double, then rounded).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/function_ref.h"
#include "engine/core/token.h"
#include "engine/train/parameters.h"

namespace reprise::engine {

/// The defaults are those of Karpathy's microgpt.
struct TrainingOptions {
  std::int64_t steps = 1000;
  double learning_rate = 0.01;  ///< of the first step; step s of n has learning_rate * (1 - s / n)
  double beta1 = 0.85;
  double beta2 = 0.99;
  double eps = 1e-8;
  double init_std = 0.08;
  std::uint64_t seed = 42;  ///< of the initial weights and the order of documents
};

/// Losses of this many steps make the final one: a single document's says little.
inline constexpr std::int64_t kFinalLossSteps = 100;

struct TrainingResult {
  Parameters<float> parameters;
  double final_loss = 0;  ///< mean of the last kFinalLossSteps steps (fewer when there were fewer)
};

/// Errors: invalid_argument, naming the option that is out of range.
void check_options(const TrainingOptions& options);

/// Errors: unsupported, when training this configuration on documents of up to `n_tokens` tokens would take
/// more than 4 GiB of memory. `name` stands for the configuration.
void check_trainable(const ModelConfig& config, std::size_t n_tokens, const std::string& name);

/// Documents hold at least 2 tokens each, with ids in [0, n_vocab), and are cut to n_context + 1; they come
/// in a shuffled order, again and again. `on_step` hears each step, from 0, and its loss, which is before the
/// step's update.
/// Errors: those of check_options; invalid_argument naming learning_rate, when the loss stops being a number.
TrainingResult train(const ModelConfig& config, const std::vector<std::vector<TokenId>>& documents,
                     const TrainingOptions& options, FunctionRef<void(std::int64_t, double)> on_step);

}  // namespace reprise::engine
