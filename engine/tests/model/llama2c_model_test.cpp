// llama2.c checkpoints: both dtypes, with and without tables and head, and files that are none.
#include "engine/model/llama2c_model.h"

#include <gmock/gmock.h>

#include <array>
#include <fstream>
#include <limits>

#include "engine/core/block_formats.h"
#include "engine/tests/io/io_test_support.h"
#include "engine/tests/support/error_of.h"
#include "engine/tests/support/random_model.h"

namespace reprise::engine {
namespace {

using reprise::testing::error_of;
using reprise::testing::Random;
using ::testing::HasSubstr;

/// dim 8, hidden 12, 2 layers, 2 heads on 1, 5 tokens, 16 positions.
constexpr std::array<std::int32_t, 7> kHeader = {8, 12, 2, 2, 1, 5, 16};

struct Checkpoint {
  std::array<std::int32_t, 7> header = kHeader;
  DType dtype = DType::f32;
  bool tables = true;
  std::int64_t more_bytes = 0;

  /// Element i of the weights, in the order of the file, has the value i / 1024.
  [[nodiscard]] std::string write(const ScratchFolder& folder) const {
    const std::int64_t d = 8;
    const std::int64_t n = 5 * d + 2 * (d + d * d + 4 * d + 4 * d + d * d + d + 3 * 12 * d) + d;
    const std::int64_t n_head = header[5] < 0 ? 5 * d : 0;
    std::string bytes(reinterpret_cast<const char*>(header.data()), sizeof(header));
    std::int64_t next = 0;
    const auto put = [&](std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i, ++next) {
        const float value = static_cast<float>(next) / 1024;
        const Bf16 narrow = to_bf16(value);
        bytes.append(dtype == DType::f32 ? reinterpret_cast<const char*>(&value)
                                         : reinterpret_cast<const char*>(&narrow),
                     size_of(dtype));
      }
    };
    put(n);
    bytes.append(tables ? 16 * 4 * size_of(dtype) : 0, '\x7f');
    put(n_head);
    bytes.resize(static_cast<std::size_t>(std::ssize(bytes) + more_bytes));
    const std::string path = (folder / "story.bin").string();
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
};

float first_of(const Model& model, Slot slot, int layer = kNoLayer) {
  const AnyTensorView view = model.tensor(slot, layer);
  float element = 0;
  dequantize(view.dtype(), view.data(), std::span(&element, 1));
  return element;
}

TEST(Llama2c, TensorsStandInTheOrderOfTheFormat) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const bool tables : {true, false}) {
      for (const std::int32_t n_vocab : {5, -5}) {
        Checkpoint file{.dtype = dtype, .tables = tables};
        file.header[5] = n_vocab;
        const ScratchFolder folder;
        const auto model = Model::open(file.write(folder));
        const auto value = [&](std::int64_t i) {
          const float exact = static_cast<float>(i) / 1024;
          return dtype == DType::f32 ? exact : to_f32(to_bf16(exact));
        };
        EXPECT_EQ(first_of(*model, Slot::token_embedding), value(0));
        EXPECT_EQ(first_of(*model, Slot::attention_norm, 0), value(40));
        EXPECT_EQ(first_of(*model, Slot::attention_norm, 1), value(48));
        EXPECT_EQ(first_of(*model, Slot::q, 0), value(56));
        EXPECT_EQ(first_of(*model, Slot::q, 1), value(120));
        EXPECT_EQ(first_of(*model, Slot::k, 0), value(184));
        EXPECT_EQ(first_of(*model, Slot::v, 0), value(248));
        EXPECT_EQ(first_of(*model, Slot::o, 0), value(312));
        EXPECT_EQ(first_of(*model, Slot::ffn_norm, 0), value(440));
        EXPECT_EQ(first_of(*model, Slot::gate, 0), value(456));
        EXPECT_EQ(first_of(*model, Slot::down, 0), value(648));
        EXPECT_EQ(first_of(*model, Slot::up, 0), value(840));
        EXPECT_EQ(first_of(*model, Slot::final_norm), value(1032));
        EXPECT_EQ(model->config().tied_head, n_vocab > 0);
        if (n_vocab < 0) {
          EXPECT_EQ(first_of(*model, Slot::head), value(1040));
        }
        EXPECT_EQ(parse_config(model->config_json(), "config"), model->config());
      }
    }
  }
}

TEST(Llama2c, LargeVocabulariesAreLlama3s) {
  // Only the header is looked at before the size is refused: the message names what a bf16 file would have.
  Checkpoint file;
  file.header[5] = 128256;
  const ScratchFolder folder;
  EXPECT_THAT(error_of([&] { (void)Model::open(file.write(folder)); }).what(), HasSubstr("size: expected"));
}

std::string refusal_of(const Checkpoint& file) {
  const ScratchFolder folder;
  return error_of([&] { (void)Model::open(file.write(folder)); }).what();
}

TEST(Llama2c, BadHeadersAreRefusedByName) {
  constexpr std::array kNames = {"dim",        "hidden_dim", "n_layers", "n_heads",
                                 "n_kv_heads", "vocab_size", "seq_len"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    for (const std::int32_t bad : {0, std::numeric_limits<std::int32_t>::max()}) {
      Checkpoint file;
      file.header[i] = bad;
      EXPECT_THAT(refusal_of(file), HasSubstr(std::string("header: ") + kNames[i] + ": expected")) << bad;
    }
  }
  Checkpoint file;
  file.header[3] = 3;
  EXPECT_THAT(refusal_of(file), HasSubstr("n_heads: expected heads of even width"));
  file = {};
  file.header = {0x616b3432, 1, 0, 0, 0, 0, 0};
  EXPECT_THAT(refusal_of(file), HasSubstr("expected a llama2.c checkpoint of version 0, found version 1"));
}

TEST(Llama2c, ASizeThatTheHeaderDoesNotExplainIsRefused) {
  for (const std::int64_t more : {-1, 1, 4, -4}) {
    EXPECT_THAT(refusal_of({.more_bytes = more}), HasSubstr("size: expected"));
  }
  // Products of absurd extents must not overflow on the way to that message.
  Checkpoint file;
  file.header = {1 << 26, 1 << 26, 4096, 2, 1, 1 << 26, 1 << 26};
  EXPECT_THAT(refusal_of(file), HasSubstr("size: expected"));
}

TEST(Llama2c, AnythingElseIsNoModel) {
  const ScratchFolder folder;
  for (const std::string& content : {std::string(), std::string("hello"), std::string(300, 'x')}) {
    std::ofstream(folder / "file.txt") << content;
    EXPECT_THAT(error_of([&] { (void)Model::open((folder / "file.txt").string()); }).what(),
                HasSubstr("a GGUF file or a llama2.c checkpoint"));
  }
}

/// Flipping any byte of the header gives a model or one line, never a crash.
TEST(Llama2c, EveryHeaderByteMayBeAnything) {
  const ScratchFolder folder;
  const std::string path = Checkpoint{}.write(folder);
  std::ifstream in(path, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  Random random(5);
  for (std::size_t i = 0; i < 28; ++i) {
    for (int round = 0; round < 8; ++round) {
      std::string bad = good;
      bad[i] = static_cast<char>(random.between(0, 255));
      std::ofstream(path, std::ios::binary) << bad;
      try {
        (void)Model::open(path);
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace
}  // namespace reprise::engine
