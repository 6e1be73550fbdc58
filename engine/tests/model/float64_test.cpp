// Random models of the Llama family (biases, head norms, tied heads, stretched rotations, grouped heads)
// against the forward pass in double precision.
#include <gtest/gtest.h>

#include "engine/tests/io/io_test_support.h"
#include "engine/tests/model/float64_llama.h"
#include "engine/tests/model/forward.h"

namespace reprise::engine {
namespace {

using reprise::testing::Float64Llama;
using reprise::testing::ModelFolder;
using reprise::testing::Random;
using reprise::testing::random_config;
using reprise::testing::random_model;

double worst_error(const ModelFolder& files, const std::vector<TokenId>& ids) {
  const ScratchFolder folder;
  files.write(folder.path());
  const std::vector<float> logits = logits_of(Model::open(folder.path().string()), ids);
  const auto expected = Float64Llama(files).forward(ids);
  double worst = 0;
  std::size_t i = 0;
  for (const auto& row : expected) {
    for (const double logit : row) {
      worst = std::max(worst, std::abs(static_cast<double>(logits.at(i++)) - logit));
    }
  }
  EXPECT_EQ(i, logits.size());
  return worst;
}

TEST(Float64, RandomModelsOfTheLlamaFamily) {
  Random random(71);
  int with_bias = 0;
  for (int trial = 0; trial < 24; ++trial) {
    const char* architecture = random.pick(std::vector{"qwen2", "qwen3", "llama"});
    const auto config = random_config(architecture, false, random);
    const DType dtype = random.pick(std::vector{DType::f32, DType::f16, DType::bf16});
    const ModelFolder files = random_model(config, static_cast<std::uint64_t>(trial), dtype);
    with_bias += files.tensors.contains("model.layers.0.self_attn.q_proj.bias") ? 1 : 0;
    EXPECT_LT(worst_error(files, random.ids(random.between(1, 38), config["vocab_size"])), 5e-5) << config;
  }
  EXPECT_GT(with_bias, 5);
}

ModelFolder qwen2_model() {
  Random random(72);
  auto config = random_config("qwen2", false, random);
  return random_model(config, 72);
}

TEST(Float64, Qwen2BiasesCount) {
  ModelFolder files = qwen2_model();
  const std::vector<TokenId> ids = {3, 1, 4, 1, 5};
  ASSERT_LT(worst_error(files, ids), 5e-5);
  const ScratchFolder folder;
  const auto logits = [&] {
    files.write(folder.path());
    return logits_of(Model::open(folder.path().string()), ids);
  };
  for (const char* which : {"q", "k", "v"}) {
    const auto before = logits();
    reprise::testing::FileTensor& bias =
        files.tensors.at(fmt::format("model.layers.0.self_attn.{}_proj.bias", which));
    bias.set(0, bias.at(0) + 0.5F);
    EXPECT_NE(logits(), before) << which;
  }
}

TEST(Float64, BiasesOfZeroAreAsNone) {
  ModelFolder files = qwen2_model();
  const std::vector<TokenId> ids = {3, 1, 4, 1, 5};
  for (auto& [name, tensor] : files.tensors) {
    if (name.ends_with(".bias")) {
      std::fill(tensor.bytes.begin(), tensor.bytes.end(), std::byte{0});
    }
  }
  const ScratchFolder folder;
  files.write(folder / "zero");
  files.config["model_type"] = "llama";
  std::erase_if(files.tensors, [](const auto& tensor) { return tensor.first.ends_with(".bias"); });
  files.write(folder / "none");
  EXPECT_EQ(logits_of(Model::open((folder / "zero").string()), ids),
            logits_of(Model::open((folder / "none").string()), ids));
}

}  // namespace
}  // namespace reprise::engine
