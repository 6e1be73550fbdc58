// Opening model folders: names, forms and places of tensors, and the line for each thing that is wrong.
#include <gmock/gmock.h>

#include "engine/core/digest.h"
#include "engine/io/model_files.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/model/forward.h"
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

const std::vector<TokenId> kIds = {3, 1, 4, 1, 5, 9, 2, 6};

std::shared_ptr<const Model> golden(const char* name) {
  return Model::open((golden_folder() / name).string());
}

/// The files of a committed golden, to be changed and written elsewhere.
ModelFolder files_of(const char* name) {
  ModelFolder files;
  files.config = nlohmann::json::parse(read_raw(golden_folder() / name / "config.json"));
  const WeightFiles weights = WeightFiles::open(golden_folder() / name);
  for (const SafetensorsTensor* tensor : weights.tensors()) {
    files.tensors[tensor->name] = {tensor->dtype, tensor->shape, {tensor->data.begin(), tensor->data.end()}};
  }
  return files;
}

class HuggingFace : public ::testing::Test {
 protected:
  std::shared_ptr<const Model> written(const ModelFolder& files) {
    files.write(folder_.path());
    return Model::open(folder_.path().string());
  }
  std::string message(const ModelFolder& files, ErrorCode expected) {
    ErrorCode code{};
    const std::string line = error_of([&] { written(files); }, &code);
    EXPECT_EQ(code, expected) << line;
    return line;
  }
  [[nodiscard]] std::string path() const { return folder_.path().string(); }

  ScratchFolder folder_;
};

TEST_F(HuggingFace, FoldersThatAreNone) {
  ErrorCode code{};
  const std::string expected =
      ": model: expected a Hugging Face folder, a .gguf file, a llama2.c checkpoint, synthetic:NAME or "
      "builtin:NAME, "
      "found ";
  EXPECT_EQ(error_of([&] { Model::open("no/such/folder"); }, &code), "no/such/folder" + expected + "nothing");
  EXPECT_EQ(code, ErrorCode::not_found);
  const std::string file = (folder_ / "file").string();
  write_raw(file, "x");
  EXPECT_EQ(error_of([&] { Model::open(file); }),
            file + ": header: expected a model: a GGUF file or a llama2.c checkpoint, found 1 bytes");
  EXPECT_EQ(error_of([&] { Model::open(""); }), expected + "nothing");
  EXPECT_EQ(error_of([&] { Model::open(path()); }, &code),
            path() + "/config.json: cannot open: No such file or directory");
  EXPECT_EQ(code, ErrorCode::not_found);
  write_raw(folder_ / "config.json", "{\"model_type\" 1}");
  EXPECT_EQ(error_of([&] { Model::open(path()); }, &code),
            path() + "/config.json: expected JSON, found a syntax error at byte 15");
  EXPECT_EQ(code, ErrorCode::invalid_data);
}

TEST_F(HuggingFace, FoldersWithoutWeights) {
  write_raw(folder_ / "config.json", files_of("qwen3").config.dump());
  EXPECT_EQ(
      error_of([&] { Model::open(path()); }),
      path() + ": expected a folder with model.safetensors or model.safetensors.index.json, found neither");
}

TEST_F(HuggingFace, MissingTensor) {
  ModelFolder files = files_of("qwen3");
  files.tensors.erase("model.layers.1.mlp.up_proj.weight");
  EXPECT_EQ(
      message(files, ErrorCode::not_found),
      path() + ": tensor 'model.layers.1.mlp.up_proj.weight': expected to be there, found 24 other tensors");
}

TEST_F(HuggingFace, ConfigOfMoreLayersThanThereAre) {
  ModelFolder files = files_of("qwen3");
  files.config["num_hidden_layers"] = 4096;
  EXPECT_THAT(message(files, ErrorCode::not_found),
              ::testing::HasSubstr(": tensor 'model.layers.2.input_layernorm.weight': expected to be there"));
}

TEST_F(HuggingFace, WrongShapes) {
  const ModelFolder files = files_of("qwen3");
  const std::string q = "model.layers.0.self_attn.q_proj.weight";  // [64, 32]
  ModelFolder changed = files;
  changed.tensors[q].shape = {32, 64};
  EXPECT_EQ(message(changed, ErrorCode::mismatch),
            path() + ": " + q + ": shape: expected [64, 32] by config.json, found [32, 64]");
  changed.tensors[q].shape = {2048};
  EXPECT_EQ(message(changed, ErrorCode::mismatch),
            path() + ": " + q + ": shape: expected [64, 32] by config.json, found [2048]");
  changed = files;
  changed.config["vocab_size"] = 127;
  EXPECT_EQ(
      message(changed, ErrorCode::mismatch),
      path() + ": model.embed_tokens.weight: shape: expected [127, 32] by config.json, found [128, 32]");
  changed = files_of("gpt2");
  changed.tensors["h.0.attn.c_attn.weight"].shape = {96, 32};  // Conv1D stores [in, out]
  EXPECT_EQ(message(changed, ErrorCode::mismatch),
            path() + ": h.0.attn.c_attn.weight: shape: expected [32, 96] by config.json, found [96, 32]");
}

TEST_F(HuggingFace, ExtentsWhoseProductsOverflow) {
  ModelFolder files = files_of("qwen3");
  files.config["num_attention_heads"] = 1 << 26;
  files.config["num_key_value_heads"] = 1 << 26;
  files.config["head_dim"] = 1 << 26;
  files.config["hidden_size"] = 1 << 26;
  files.config["vocab_size"] = 1 << 26;
  EXPECT_EQ(message(files, ErrorCode::mismatch),
            path() +
                ": model.embed_tokens.weight: shape: expected [67108864, 67108864] by config.json, "
                "found [128, 32]");
}

TEST_F(HuggingFace, WrongDtype) {
  ModelFolder files = files_of("qwen3");
  FileTensor& k = files.tensors["model.layers.0.self_attn.k_proj.weight"];
  k.dtype = DType::i32;
  EXPECT_EQ(message(files, ErrorCode::invalid_data),
            path() + ": model.layers.0.self_attn.k_proj.weight: dtype: expected f32, f16 or bf16, found i32");
}

TEST_F(HuggingFace, OtherTensorsAreLeftAlone) {
  ModelFolder files = files_of("gpt2");
  files.tensors["h.0.attn.bias"] = {DType::u8, {1, 1, 4, 4}, std::vector<std::byte>(16)};  // a causal mask
  EXPECT_EQ(logits_of(written(files), kIds), logits_of(golden("gpt2"), kIds));
}

TEST_F(HuggingFace, Gpt2NamesWithAndWithoutPrefix) {
  const ModelFolder files = files_of("gpt2");
  ModelFolder renamed{files.config, {}};
  for (const auto& [name, tensor] : files.tensors) {
    EXPECT_FALSE(name.starts_with("transformer."));
    renamed.tensors["transformer." + name] = tensor;
  }
  EXPECT_EQ(logits_of(written(renamed), kIds), logits_of(golden("gpt2"), kIds));
}

TEST_F(HuggingFace, Gpt2HeadOfItsOwn) {
  ModelFolder files = files_of("gpt2");
  files.tensors["lm_head.weight"] = files.tensors.at("wte.weight");
  const auto tied = logits_of(written(files), kIds);
  files.config["tie_word_embeddings"] = false;
  EXPECT_EQ(logits_of(written(files), kIds), tied) << "the same values";
  FileTensor& head = files.tensors["lm_head.weight"];
  head.set(0, head.at(0) + 1);
  EXPECT_NE(logits_of(written(files), kIds), tied);
}

TEST_F(HuggingFace, ShardsAreOneModel) {
  const auto sharded = golden("llama");
  EXPECT_EQ(sharded->identity().files.size(), 2U);
  const auto one = written(files_of("llama"));
  EXPECT_EQ(logits_of(one, kIds), logits_of(sharded, kIds));
  EXPECT_EQ(one->identity().files.size(), 1U);
  EXPECT_NE(one->identity().sha256, sharded->identity().sha256);
}

TEST_F(HuggingFace, Identity) {
  const auto model = golden("qwen3");
  const std::string bytes = read_raw(golden_folder() / "qwen3/model.safetensors");
  EXPECT_EQ(model->identity().sha256, to_hex(sha256(bytes_of(bytes))));
  const auto sharded = golden("llama");
  std::string listing;
  for (const char* name : {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}) {
    listing +=
        std::string(name) + " " + to_hex(sha256(bytes_of(read_raw(golden_folder() / "llama" / name)))) + "\n";
  }
  EXPECT_EQ(sharded->identity().sha256, to_hex(sha256(bytes_of(listing))));
}

TEST_F(HuggingFace, NamesAndNeighbours) {
  EXPECT_EQ(golden("microgpt")->name(), "microgpt");
  EXPECT_EQ(Model::open((golden_folder() / "microgpt/").string())->name(), "microgpt");
  EXPECT_EQ(golden("microgpt")->text()->tokenizer.digest,
            to_hex(sha256(bytes_of(read_raw(golden_folder() / "microgpt/tokenizer.json")))));
  EXPECT_FALSE(golden("gpt2")->text().has_value());
  EXPECT_EQ(golden("gpt2")->config_json(), read_raw(golden_folder() / "gpt2/config.json"));
}

/// safetensors promises no alignment: a header of one more byte moves every tensor to an odd address.
TEST_F(HuggingFace, UnalignedTensorsGiveTheSameBits) {
  Random random(81);
  for (const auto architecture : reprise::testing::kArchitectures) {
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
      const ModelFolder files = random_model(random_config(architecture, false, random), 82, dtype);
      const auto aligned = logits_of(written(files), kIds);
      std::string bytes = read_raw(folder_ / "model.safetensors");
      ASSERT_NE(static_cast<unsigned char>(bytes[0]), 0xff);
      ++bytes[0];  // the length's lowest byte
      std::uint64_t header_length = 0;
      std::memcpy(&header_length, bytes.data(), sizeof(header_length));
      const std::size_t data_begin = 8 + header_length - 1;
      write_raw(folder_ / "model.safetensors",
                fmt::format("{} {}", bytes.substr(0, data_begin), bytes.substr(data_begin)));
      const auto model = Model::open(path());
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(model->tensor(Slot::token_embedding).data()) % 2, 1U);
      EXPECT_EQ(logits_of(model, kIds), aligned) << architecture << " " << name_of(dtype);
      EXPECT_EQ(logits_of(model, kIds, {.precision = "f16"}),
                logits_of(written(files), kIds, {.precision = "f16"}));
    }
  }
}

}  // namespace
}  // namespace reprise::engine
