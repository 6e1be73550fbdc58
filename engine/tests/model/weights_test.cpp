// Placing weights: what is copied, what is converted, and to which bits.
#include "engine/model/weights.h"

#include <gmock/gmock.h>

#include "engine/core/block_formats.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/data.h"
#include "engine/tests/support/random_model.h"

namespace reprise::engine {
namespace {

using reprise::testing::FileTensor;
using reprise::testing::golden_folder;
using reprise::testing::ModelFolder;
using reprise::testing::Random;
using reprise::testing::random_config;
using reprise::testing::random_model;

std::shared_ptr<const Model> golden(const char* name) {
  return Model::open((golden_folder() / name).string());
}

Weights placed(const std::shared_ptr<const Model>& model, const std::string& precision) {
  return place_weights(model, *make_backend({.backend = "reference"}), precision);
}

struct Counts {
  std::int64_t matrices = 0;
  std::int64_t vectors = 0;
};
Counts elements_of(const Model& model) {
  Counts counts;
  for (const TensorSpec& tensor : tensors_of(model.config())) {
    (tensor.shape.rank() == 2 ? counts.matrices : counts.vectors) += tensor.shape.count();
  }
  return counts;
}

TEST(Weights, StoredInTheWantedFormAreNotCopied) {
  for (const char* name : {"qwen3", "gpt2", "microgpt"}) {  // all f32
    const auto model = golden(name);
    const Counts n = elements_of(*model);
    for (const char* precision : {"native", "f32"}) {
      const Weights weights = placed(model, precision);
      EXPECT_EQ(weights.copied_bytes, 0) << name;
      EXPECT_TRUE(weights.converted.empty());
      EXPECT_EQ(weights.bytes, 4 * (n.matrices + n.vectors)) << name;
      EXPECT_EQ(weights.precision, "f32");
      EXPECT_EQ(weights.layers[0].q.data(), model->tensor(Slot::q, 0).data());
    }
  }
}

TEST(Weights, VectorsBecomeF32) {
  const auto model = golden("llama");  // bf16, tied
  const Counts n = elements_of(*model);
  const Weights native = placed(model, "native");
  EXPECT_EQ(native.precision, "bf16");
  EXPECT_EQ(native.bytes, 2 * n.matrices + 4 * n.vectors);
  EXPECT_EQ(native.copied_bytes, 4 * n.vectors);
  EXPECT_EQ(native.head.data(), native.token_embedding.data()) << "a tied head is placed once";
  const Weights wide = placed(model, "f32");
  EXPECT_EQ(wide.precision, "f32");
  EXPECT_EQ(wide.bytes, 4 * (n.matrices + n.vectors));
  EXPECT_EQ(wide.copied_bytes, wide.bytes);
  const AnyTensorView stored = model->tensor(Slot::ffn_norm, 2);
  for (std::int64_t i = 0; i < stored.extent(0); ++i) {
    Bf16 element{};
    std::memcpy(&element, stored.data() + 2 * i, sizeof(element));
    EXPECT_EQ(native.layers[2].ffn_norm.data()[i], to_f32(element));
  }
}

TEST(Weights, NarrowedMatricesAreCopiesOfHalfTheSize) {
  const auto model = golden("qwen3");
  const Counts n = elements_of(*model);
  for (const char* precision : {"f16", "bf16"}) {
    const Weights weights = placed(model, precision);
    EXPECT_EQ(weights.precision, precision);
    EXPECT_EQ(weights.bytes, 2 * n.matrices + 4 * n.vectors);
    EXPECT_EQ(weights.copied_bytes, 2 * n.matrices);
  }
}

class ConvertedWeights : public ::testing::Test {
 protected:
  ConvertedWeights() {
    Random random(91);
    auto config = random_config("llama", true, random);
    config["tie_word_embeddings"] = true;
    files_ = random_model(config, 91);
    FileTensor& up = files_.tensors.at("model.layers.0.mlp.up_proj.weight");
    // Ties to even both ways, subnormals, signed zeros, the largest that stay finite.
    const float special[] = {1 + 0x1p-9F, 1 + 0x3p-9F, 1 + 0x1p-12F, 1 + 0x3p-12F, 0x1p-24F, 0x1.8p-25F,
                             0x1p-140F,   -0x1p-149F,  -0.0F,        0.0F,         65504.0F, -65519.9F};
    for (std::size_t i = 0; i < std::size(special); ++i) {
      up.set(i, special[i]);
    }
  }
  std::shared_ptr<const Model> model() {
    files_.write(folder_.path());
    return Model::open(folder_.path().string());
  }

  template <class T>
  void expect_converted(const std::string& precision, T (*convert)(float)) {
    const Weights weights = placed(model(), precision);
    std::size_t n_compared = 0;
    for (const auto& [view, name] :
         {std::pair(weights.token_embedding, "model.embed_tokens.weight"),
          std::pair(weights.layers[0].up, "model.layers.0.mlp.up_proj.weight"),
          std::pair(weights.layers[0].k, "model.layers.0.self_attn.k_proj.weight")}) {
      const FileTensor& stored = files_.tensors.at(name);
      const auto placed_view = AnyTensorView(view).as<T>();
      for (std::int64_t i = 0; i < placed_view.count(); ++i, ++n_compared) {
        ASSERT_EQ(placed_view.data()[i], convert(stored.at(static_cast<std::size_t>(i))))
            << name << " [" << i << "]";
      }
    }
    EXPECT_GT(n_compared, 10000U);
  }

  ScratchFolder folder_;
  ModelFolder files_;
};

TEST_F(ConvertedWeights, EachElementIsRoundedToBf16) {
  expect_converted<Bf16>("bf16", to_bf16);
}
TEST_F(ConvertedWeights, EachElementIsRoundedToF16) {
  expect_converted<F16>("f16", to_f16);
}

/// What place_weights makes of a matrix is what quantize makes of its elements, chunk borders and all.
TEST(Weights, BlocksAreThoseOfTheFormat) {
  Random random(92);
  auto config = reprise::testing::random_block_config("qwen3", random);
  config["vocab_size"] = 331;  // 331 x d_model: several chunks, the last one short
  const ModelFolder files = random_model(config, 92, DType::bf16);
  const ScratchFolder folder;
  files.write(folder.path());
  const auto model = Model::open(folder.path().string());
  for (const char* precision : {"int8", "int4"}) {
    const Weights weights = placed(model, precision);
    EXPECT_EQ(weights.precision, precision);
    EXPECT_EQ(weights.stored_precision, "bf16");
    EXPECT_TRUE(weights.in_blocks);
    const FileTensor& stored = files.tensors.at("model.embed_tokens.weight");
    std::vector<float> x(stored.bytes.size() / 2);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = stored.at(i);
    }
    std::vector<std::byte> expected(bytes_of(*dtype_named(precision), std::ssize(x)));
    quantize(*dtype_named(precision), x, expected.data());
    const AnyTensorView view = weights.token_embedding;
    ASSERT_EQ(view.size_bytes(), expected.size());
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), view.data())) << precision;
  }
  EXPECT_FALSE(placed(model, "native").in_blocks);
}

TEST_F(ConvertedWeights, RowsThatAreNoWholeBlocksAreRefused) {
  ErrorCode code{};
  const std::string found = error_of([&] { placed(model(), "int8"); }, &code);
  EXPECT_THAT(found, ::testing::HasSubstr("placement: precision: expected f32, f16 or bf16 for "));
  EXPECT_THAT(found, ::testing::HasSubstr("found int8, whose blocks have 32"));
  EXPECT_EQ(code, ErrorCode::invalid_argument);
}

TEST_F(ConvertedWeights, WhatOverflowsIsRefusedWhereItStands) {
  files_.tensors.at("model.layers.0.mlp.up_proj.weight").set(9, 65520.0F);
  EXPECT_EQ(error_of([&] { placed(model(), "f16"); }),
            folder_.path().string() +
                ": up (layer 0): expected elements that f16 can hold, found others from [9] on");
  EXPECT_EQ(placed(model(), "bf16").precision, "bf16");
}

TEST_F(ConvertedWeights, AMixtureIsCalledSo) {
  FileTensor& embedding = files_.tensors.at("model.embed_tokens.weight");
  const FileTensor wide = embedding;
  embedding.dtype = DType::f16;
  embedding.bytes.resize(wide.bytes.size() / 2);
  for (std::size_t i = 0; i < embedding.bytes.size() / 2; ++i) {
    embedding.set(i, wide.at(i));
  }
  EXPECT_EQ(placed(model(), "native").precision, "f32+f16");
  EXPECT_EQ(placed(model(), "bf16").precision, "bf16");
}

TEST_F(ConvertedWeights, NonFiniteElementsAreDescribed) {
  EXPECT_EQ(describe_non_finite(*model()), "");
  files_.tensors.at("model.layers.0.mlp.up_proj.weight").set(7, -INFINITY);
  EXPECT_EQ(describe_non_finite(*model()), "up (layer 0): [7] is -inf");
  files_.tensors.at("model.embed_tokens.weight").set(5, NAN);
  EXPECT_EQ(describe_non_finite(*model()), "token_embedding: [5] is nan") << "the first one";
  EXPECT_EQ(placed(model(), "native").precision, "f32") << "matrices are not read when placed";
}

TEST_F(ConvertedWeights, NonFiniteVectorsAreRefused) {
  files_.tensors.at("model.norm.weight").set(2, INFINITY);
  ErrorCode code{};
  EXPECT_EQ(error_of([&] { placed(model(), "native"); }, &code),
            folder_.path().string() + ": final_norm: expected finite weights, found [2] is inf");
  EXPECT_EQ(code, ErrorCode::invalid_data);
}

}  // namespace
}  // namespace reprise::engine
