// Conversion: what comes back from a GGUF file or a folder computes what the model computed.
#include "engine/model/convert.h"

#include <gmock/gmock.h>

#include <cmath>

#include "engine/core/block_formats.h"
#include "engine/io/gguf.h"
#include "engine/model/gguf_model.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/model/forward.h"
#include "engine/tests/support/data.h"
#include "engine/tests/support/error_of.h"
#include "engine/tests/support/random_model.h"

namespace reprise::engine {
namespace {

using reprise::testing::error_of;
using reprise::testing::golden_folder;
using reprise::testing::Random;
using reprise::testing::random_block_config;
using reprise::testing::random_config;
using reprise::testing::random_model;
using ::testing::HasSubstr;

constexpr TokenId kIds[] = {1, 5, 2, 9, 3, 3, 7};

std::vector<float> logits_of(const std::shared_ptr<const Model>& model,
                             const std::string& precision = "native") {
  return logits_of(model, kIds, {.precision = precision});
}

float worst_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  float worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(a[i] - b[i]));
  }
  return worst;
}

std::vector<std::byte> bytes_in(const Model& model, const TensorSpec& spec) {
  const AnyTensorView view = model.tensor(spec.slot, spec.layer);
  return {view.data(), view.data() + view.size_bytes()};
}

class Conversion : public ::testing::TestWithParam<const char*> {};

/// Folder > GGUF > folder > GGUF: every tensor comes back byte for byte, and the file is a fixed point.
TEST_P(Conversion, RoundTripsKeepEveryByte) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Random random(seed);
    auto config = random_config(GetParam(), false, random);
    config.erase("rope_scaling");  // with an original context of 24, which no published model has
    const ScratchFolder folder;
    const DType dtype = random.pick(std::vector{DType::f32, DType::f16, DType::bf16});
    random_model(config, seed, dtype).write(folder / "first");
    const auto first = Model::open((folder / "first").string());
    write_gguf(*first, folder / "first.gguf");
    const auto file = Model::open((folder / "first.gguf").string());
    write_hugging_face(*file, folder / "second");
    const auto second = Model::open((folder / "second").string());
    ASSERT_TRUE(second->config().computes_as(first->config())) << config.dump();
    for (const TensorSpec& spec : tensors_of(first->config())) {
      // A GGUF file has vectors in f32, from which a folder in the narrower dtype cannot be told.
      if (spec.shape.rank() == 2) {
        ASSERT_EQ(bytes_in(*second, spec), bytes_in(*first, spec)) << name_of(spec.slot);
      }
    }
    EXPECT_EQ(logits_of(second), logits_of(first)) << config.dump();
    write_gguf(*second, folder / "second.gguf");
    EXPECT_EQ(Model::open((folder / "second.gguf").string())->identity().sha256 == file->identity().sha256,
              false)
        << "the name of the model is part of the file";
    const auto again = GgufFile::open(folder / "second.gguf");
    const auto before = GgufFile::open(folder / "first.gguf");
    for (const GgufTensor& tensor : before.tensors()) {
      const GgufTensor& other = again.at(tensor.name);
      EXPECT_TRUE(std::ranges::equal(tensor.data, other.data)) << tensor.name;
    }
  }
}

/// Interleaving rows of q and k moves both sides of every product alike: only the order of sums changes, and
/// only for Llama.
TEST_P(Conversion, AFileComputesWhatTheFolderDoes) {
  for (std::uint64_t seed = 11; seed <= 16; ++seed) {
    Random random(seed);
    const auto config = random_config(GetParam(), seed % 2 == 0, random);
    const ScratchFolder folder;
    random_model(config, seed).write(folder / "folder");
    const auto model = Model::open((folder / "folder").string());
    write_gguf(*model, folder / "model.gguf");
    const auto file = Model::open((folder / "model.gguf").string());
    if (std::string_view(GetParam()) == "llama") {
      EXPECT_LT(worst_difference(logits_of(file), logits_of(model)), 2e-4F) << config.dump();
    } else {
      EXPECT_EQ(logits_of(file), logits_of(model)) << config.dump();
    }
  }
}

/// Blocks in the file are the blocks that the placement would have made at load.
TEST_P(Conversion, BlocksInTheFileAreThoseOfThePlacement) {
  for (const char* precision : {"int8", "int4"}) {
    Random random(21);
    const ScratchFolder folder;
    random_model(random_block_config(GetParam(), random), 21).write(folder / "folder");
    const auto model = Model::open((folder / "folder").string());
    write_gguf(*model, folder / "model.gguf", {.precision = precision});
    const auto file = Model::open((folder / "model.gguf").string());
    EXPECT_EQ(file->tensor(Slot::q, 0).dtype(), *dtype_named(precision));
    if (std::string_view(GetParam()) == "llama") {
      // The blocks of permuted rows, but other sums: an activation may fall on the level beside.
      EXPECT_LT(worst_difference(logits_of(file), logits_of(model, precision)), 0.1F) << precision;
    } else {
      EXPECT_EQ(logits_of(file), logits_of(model, precision)) << precision;
    }
    const Weights weights = place_weights(file, *make_backend({.backend = "reference"}), "native");
    EXPECT_EQ(weights.precision, precision);
    EXPECT_EQ(weights.stored_precision, precision);
    EXPECT_EQ(weights.copied_bytes, 0) << "blocks are used where the file has them";
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, Conversion, ::testing::Values("qwen3", "qwen2", "llama", "gpt2"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST(Convert, Llama3ScalingSurvivesAsScaling) {
  const ScratchFolder folder;
  const auto synthetic = Model::open("synthetic:llama-tiny");
  write_gguf(*synthetic, folder / "tiny.gguf");
  // The tiny model's original context is not the published one: its factors are kept as such.
  EXPECT_EQ(Model::open((folder / "tiny.gguf").string())->config().rope_factors.size(), 8U);
  EXPECT_THAT(error_of([&] {
                write_hugging_face(*Model::open((folder / "tiny.gguf").string()), folder / "back");
              }).what(),
              HasSubstr("rope_freqs.weight: expected factors of Llama 3's scaling"));
  ModelConfig published = synthetic->config();
  published.rope_scaling = RopeScaling{32, 1, 4, 8192};
  GgufWriter writer;
  const std::vector<float> factors = rope_factors_of(published);
  EXPECT_EQ(factors.front(), 1.0F);
  EXPECT_EQ(factors.back(), 32.0F);
}

TEST(Convert, EveryEndTokenSurvives) {
  Random random(41);
  auto config = random_config("qwen3", false, random);
  config["eos_token_id"] = {2, 5, 7};
  config["bos_token_id"] = 1;
  const ScratchFolder folder;
  random_model(config, 41).write(folder / "first");
  write_gguf(*Model::open((folder / "first").string()), folder / "m.gguf");
  const auto file = Model::open((folder / "m.gguf").string());
  EXPECT_EQ(file->config().eos_ids, (std::vector<TokenId>{2, 5, 7}));
  EXPECT_EQ(file->config().bos_id, 1);
  write_hugging_face(*file, folder / "last");
  EXPECT_EQ(Model::open((folder / "last").string())->config().eos_ids, (std::vector<TokenId>{2, 5, 7}));
  config["eos_token_id"] = {2, 5, 7, 9};
  random_model(config, 41).write(folder / "four");
  EXPECT_THAT(
      error_of([&] { write_gguf(*Model::open((folder / "four").string()), folder / "x.gguf"); }).what(),
      HasSubstr("eos_token_id: expected at most 3 end tokens for a GGUF file, found 4"));
}

TEST(Convert, WhatAFormatCannotHoldIsSaid) {
  const ScratchFolder folder;
  const auto microgpt = Model::open((golden_folder() / "microgpt").string());
  EXPECT_THAT(
      error_of([&] { write_gguf(*microgpt, folder / "m.gguf"); }).what(),
      HasSubstr("architecture: expected one of qwen3, qwen2, llama, gpt2 for a GGUF file, found microgpt"));
  const auto tiny = Model::open("synthetic:llama-tiny");
  EXPECT_THAT(error_of([&] { write_gguf(*tiny, folder / "t.gguf", {.precision = "int8"}); }).what(),
              HasSubstr("expected f32, f16 or bf16 for rows of 200 elements, found int8"));
  EXPECT_THAT(error_of([&] { write_hugging_face(*tiny, folder / "t", {.precision = "int4"}); }).what(),
              HasSubstr("safetensors has no blocks"));
  EXPECT_TRUE(folder.names().empty()) << "nothing half-written";
}

TEST(Convert, ElementsThatBlocksCannotHoldLeaveNoFile) {
  Random random(3);
  auto content = random_model(random_block_config("qwen3", random), 3);
  const ScratchFolder folder;
  content.tensors.at("model.layers.0.mlp.up_proj.weight").set(7, 1e30F);
  content.write(folder / "folder");
  const auto model = Model::open((folder / "folder").string());
  EXPECT_THAT(
      error_of([&] { write_gguf(*model, folder / "m.gguf", {.precision = "int4"}); }).what(),
      HasSubstr(
          "blk.0.ffn_up.weight: expected finite elements that int4 can hold, found others from [0] on"));
  EXPECT_EQ(folder.names(), std::vector<std::string>{"folder"});
  EXPECT_THAT(error_of([&] { (void)logits_of(model, "int8"); }).what(),
              HasSubstr("up (layer 0): expected elements that int8 can hold, found others from [0] on"));
}

}  // namespace
}  // namespace reprise::engine
