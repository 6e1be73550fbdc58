// Models from GGUF files: what the metadata say, and files that break a rule.
#include "engine/model/gguf_model.h"

#include <gmock/gmock.h>

#include <map>

#include "engine/core/block_formats.h"
#include "engine/io/gguf.h"
#include "engine/model/convert.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/model/forward.h"
#include "engine/tests/support/error_of.h"
#include "engine/tests/support/random_model.h"

namespace reprise::engine {
namespace {

using reprise::testing::error_of;
using ::testing::HasSubstr;

/// A small file that opens: a Llama of 2 heads, width 8, one layer; tests break one thing.
struct SmallFile {
  std::vector<std::byte> zeros = std::vector<std::byte>(4096);
  std::map<std::string, std::vector<std::int64_t>> tensors = {
      {"token_embd.weight", {5, 8}},        {"output_norm.weight", {8}},
      {"blk.0.attn_norm.weight", {8}},      {"blk.0.attn_q.weight", {8, 8}},
      {"blk.0.attn_k.weight", {4, 8}},      {"blk.0.attn_v.weight", {4, 8}},
      {"blk.0.attn_output.weight", {8, 8}}, {"blk.0.ffn_norm.weight", {8}},
      {"blk.0.ffn_gate.weight", {12, 8}},   {"blk.0.ffn_up.weight", {12, 8}},
      {"blk.0.ffn_down.weight", {8, 12}}};
  std::map<std::string, std::uint32_t> numbers = {
      {"llama.context_length", 16},      {"llama.embedding_length", 8},
      {"llama.block_count", 1},          {"llama.feed_forward_length", 12},
      {"llama.attention.head_count", 2}, {"llama.attention.head_count_kv", 1},
  };
  std::string architecture = "llama";
  float eps = 1e-5F;
  DType norm_dtype = DType::f32;
  std::vector<std::string> tokens;

  std::string write(const ScratchFolder& folder) const {
    GgufWriter writer;
    writer.set_text("general.architecture", architecture);
    for (const auto& [key, value] : numbers) {
      writer.set_u32(key, value);
    }
    writer.set_f32("llama.attention.layer_norm_rms_epsilon", eps);
    if (!tokens.empty()) {
      writer.set_texts("tokenizer.ggml.tokens", tokens);
    }
    for (const auto& [name, shape] : tensors) {
      std::int64_t n = 1;
      for (const std::int64_t extent : shape) {
        n *= extent;
      }
      const DType dtype = shape.size() == 1 ? norm_dtype : DType::f32;
      writer.add(name, dtype, shape, std::span(zeros).first(bytes_of(dtype, n)));
    }
    const std::string path = (folder / "small.gguf").string();
    writer.write(path);
    return path;
  }
  [[nodiscard]] std::string refusal() const {
    const ScratchFolder folder;
    return error_of([&] { (void)Model::open(write(folder)); }).what();
  }
};

TEST(GgufModel, ReadsWhatTheMetadataSay) {
  const ScratchFolder folder;
  const auto model = Model::open(SmallFile().write(folder));
  const ModelConfig& c = model->config();
  EXPECT_EQ(c.architecture, "llama");
  EXPECT_EQ(c.head_dim, 4);
  EXPECT_EQ(c.n_kv_heads, 1);
  EXPECT_EQ(c.n_vocab, 5);
  EXPECT_TRUE(c.tied_head);
  EXPECT_EQ(c.rotary_layout, RotaryLayout::interleaved);
  EXPECT_EQ(c.rope_theta, 10000);
  EXPECT_EQ(parse_config(model->config_json(), "config"), c) << "captures store it and read it back";
  EXPECT_EQ(model->name(), "small");
}

/// A file whose matrices are in a format that is only read: seeded bytes, with scales that are finite.
std::string write_blocks(const ScratchFolder& folder, DType dtype) {
  const std::map<std::string, std::vector<std::int64_t>> matrices = {
      {"token_embd.weight", {8, 256}},          {"blk.0.attn_q.weight", {256, 256}},
      {"blk.0.attn_k.weight", {128, 256}},      {"blk.0.attn_v.weight", {128, 256}},
      {"blk.0.attn_output.weight", {256, 256}}, {"blk.0.ffn_gate.weight", {256, 256}},
      {"blk.0.ffn_up.weight", {256, 256}},      {"blk.0.ffn_down.weight", {256, 256}}};
  GgufWriter writer;
  writer.set_text("general.architecture", "llama");
  for (const auto& [key, value] : {std::pair{"llama.context_length", 16U},
                                   {"llama.embedding_length", 256U},
                                   {"llama.block_count", 1U},
                                   {"llama.feed_forward_length", 256U},
                                   {"llama.attention.head_count", 4U},
                                   {"llama.attention.head_count_kv", 2U}}) {
    writer.set_u32(key, value);
  }
  writer.set_f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  reprise::testing::Random random(17);
  std::vector<std::vector<std::byte>> memory;
  for (const auto& [name, shape] : matrices) {
    auto& bytes = memory.emplace_back(bytes_of(dtype, shape[0] * shape[1]));
    for (std::byte& byte : bytes) {
      byte = static_cast<std::byte>(random.between(0, 255));
    }
    // One or two f16: at the end of a q6_k block, at the beginning of the others.
    const F16 scale = to_f16(dtype == DType::q6_k ? 0x1p-14F : dtype >= DType::q4_k ? 0x1p-11F : 0x1p-7F);
    for (std::size_t block = 0; block < bytes.size(); block += size_of(dtype)) {
      const std::size_t at = dtype == DType::q6_k ? size_of(dtype) - 2 : 0;
      std::memcpy(bytes.data() + block + at, &scale, 2);
      if (dtype != DType::q6_k && dtype != DType::q5_0) {
        std::memcpy(bytes.data() + block + 2, &scale, 2);
      }
    }
    writer.add(name, dtype, shape, bytes);
  }
  const std::vector<float> ones(256, 1.0F);
  for (const char* name : {"output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"}) {
    writer.add(name, DType::f32, {256}, std::as_bytes(std::span(ones)));
  }
  const std::string path = (folder / "blocks.gguf").string();
  writer.write(path);
  return path;
}

TEST(GgufModel, FormatsThatAreOnlyReadAreComputedWithAsInt8) {
  for (const DType dtype : {DType::q4_1, DType::q5_0, DType::q5_1, DType::q4_k, DType::q5_k, DType::q6_k}) {
    const ScratchFolder folder;
    const auto model = Model::open(write_blocks(folder, dtype));
    const auto backend = make_backend({.backend = "reference"});
    const Weights weights = place_weights(model, *backend, "native");
    EXPECT_EQ(weights.precision, "int8");
    EXPECT_EQ(weights.stored_precision, name_of(dtype));
    const AnyTensorView stored = model->tensor(Slot::q, 0);
    std::vector<float> widened(256 * 256);
    dequantize(dtype, stored.data(), widened);
    std::vector<std::byte> expected(bytes_of(DType::int8, 256 * 256));
    ASSERT_EQ(quantize(DType::int8, widened, expected.data()), widened.size()) << name_of(dtype);
    const AnyTensorView placed = weights.layers[0].q;
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), placed.data())) << name_of(dtype);
    const std::vector<TokenId> ids = {1, 7, 3, 0};
    const auto exact = logits_of(model, ids, {.precision = "f32"});
    const auto found = logits_of(model, ids);
    for (std::size_t i = 0; i < exact.size(); ++i) {
      ASSERT_NEAR(found[i], exact[i], 0.5) << name_of(dtype) << " " << i;
    }
  }
}

/// As quantisers write them where a row is no whole number of blocks: that matrix stays in floats.
TEST(GgufModel, BlocksBesideFloatsAreComputedWith) {
  reprise::testing::Random random(31);
  auto config = reprise::testing::random_block_config("qwen3", random);
  config["intermediate_size"] = 44;
  const ScratchFolder folder;
  reprise::testing::random_model(config, 31).write(folder / "folder");
  const auto plain = Model::open((folder / "folder").string());
  write_gguf(*plain, folder / "plain.gguf");
  const GgufFile file = GgufFile::open(folder / "plain.gguf");
  GgufWriter writer;
  for (const auto& [key, value] : file.metadata()) {
    writer.set(key, value);
  }
  std::vector<std::vector<std::byte>> memory;
  for (const GgufTensor& tensor : file.tensors()) {
    if (tensor.shape.size() == 1 || tensor.shape[1] % 32 != 0) {
      writer.add(tensor.name, tensor.dtype, tensor.shape, tensor.data);
      continue;
    }
    std::vector<float> widened(static_cast<std::size_t>(tensor.shape[0] * tensor.shape[1]));
    dequantize(tensor.dtype, tensor.data.data(), widened);
    auto& blocks = memory.emplace_back(bytes_of(DType::int8, std::ssize(widened)));
    quantize(DType::int8, widened, blocks.data());
    writer.add(tensor.name, DType::int8, tensor.shape, blocks);
  }
  writer.write(folder / "mixed.gguf");
  const auto mixed = Model::open((folder / "mixed.gguf").string());
  EXPECT_EQ(place_weights(mixed, *make_backend({}), "native").precision, "f32+int8");
  const std::vector<TokenId> ids = {1, 4, 2, 8};
  const auto exact = logits_of(mixed, ids, {.precision = "f32"});
  const auto found = logits_of(mixed, ids);
  EXPECT_EQ(logits_of(mixed, ids, {.backend = "reference"}), found);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    ASSERT_NEAR(found[i], exact[i], 0.5) << i;
  }
}

TEST(GgufModel, EveryRuleHasItsLine) {
  SmallFile file;
  file.architecture = "mamba";
  EXPECT_THAT(file.refusal(),
              HasSubstr("general.architecture: expected one of qwen3, qwen2, llama, gpt2, found mamba"));
  file = {};
  file.numbers.erase("llama.block_count");
  EXPECT_THAT(file.refusal(), HasSubstr("llama.block_count"));
  for (const auto& [key, value, expected] :
       {std::tuple{"llama.embedding_length", 0U, "expected 1 to"},
        {"llama.embedding_length", 4000000000U, "expected 1 to"},
        {"llama.block_count", 5000U, "expected at most 4096"},
        {"llama.attention.head_count", 8U, "even number"},
        {"llama.attention.head_count", 16U, "expected"},
        {"llama.attention.head_count_kv", 3U, "times the 3 key-value heads"},
        {"llama.attention.value_length", 8U, "expected 4 as the keys, found 8"},
        {"llama.rope.dimension_count", 2U, "expected 4: the whole head, found 2"},
        {"llama.expert_count", 8U, "mixtures of experts"},
        {"llama.attention.sliding_window", 64U, "expected 0, found 64"},
        {"tokenizer.ggml.eos_token_id", 5U, "expected a token id below 5, found 5"}}) {
    file = {};
    file.numbers[key] = value;
    EXPECT_THAT(file.refusal(), HasSubstr(expected)) << key;
    EXPECT_THAT(file.refusal(), HasSubstr("small.gguf")) << key;
  }
  file = {};
  file.eps = 0;
  EXPECT_THAT(file.refusal(), HasSubstr("layer_norm_rms_epsilon: expected a positive number, found 0"));
  file = {};
  file.tensors.erase("blk.0.ffn_up.weight");
  EXPECT_THAT(file.refusal(), HasSubstr("blk.0.ffn_up.weight"));
  file = {};
  file.tensors["blk.0.ffn_up.weight"] = {12, 9};
  EXPECT_THAT(file.refusal(),
              HasSubstr("blk.0.ffn_up.weight: shape: expected [12, 8] by the metadata, found [12, 9]"));
  file = {};
  file.norm_dtype = DType::i32;
  EXPECT_THAT(file.refusal(), HasSubstr("type: expected f32, f16 or bf16, found i32"));
  // What is not computed with is refused, not passed over.
  for (const char* more :
       {"blk.0.attn_q_norm.weight", "blk.0.attn_v.bias", "output_norm.bias", "mtp.weight"}) {
    file = {};
    file.tensors[more] = {4};
    EXPECT_THAT(file.refusal(), HasSubstr(std::string(more) + ": expected only tensors that a llama"));
  }
  for (const auto& [key, value] :
       {std::pair{"llama.rope.scaling.factor", 4U}, {"llama.rope.scale_linear", 2U}}) {
    file = {};
    file.numbers[key] = value;
    EXPECT_THAT(file.refusal(),
                HasSubstr(std::string(key) + ": expected 1: scaled positions are not computed"));
  }
  file = {};
  file.numbers["llama.attention.head_count"] = 16;  // heads of no dimension, and factors for none of them
  file.tensors["rope_freqs.weight"] = {0};
  EXPECT_THAT(file.refusal(),
              HasSubstr("llama.attention.head_count: expected at most the width 8, found 16"));
  file = {};
  file.tokens = {"a", "b", "c", "d", "e", "f"};
  EXPECT_THAT(file.refusal(), HasSubstr("expected at most the 5 rows of token_embd.weight, found 6"));
}

}  // namespace
}  // namespace reprise::engine
