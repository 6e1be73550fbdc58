/// Block formats against ggml's own bytes (external vectors), and the properties that need no vectors.
#include "engine/core/block_formats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

#include "engine/tests/support/data.h"

namespace reprise::engine {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of_hex(const std::string& hex) {
  Bytes bytes(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  }
  return bytes;
}

std::vector<float> floats_of_hex(const std::string& hex) {
  const Bytes bytes = bytes_of_hex(hex);
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), bytes.size());
  return floats;
}

std::vector<std::uint32_t> bits_of(std::span<const float> values) {
  std::vector<std::uint32_t> bits(values.size());
  std::memcpy(bits.data(), values.data(), values.size_bytes());
  return bits;
}

struct Format {
  const char* name;  ///< in the vectors
  DType dtype;
};

class GgmlVectors : public ::testing::TestWithParam<Format> {};

TEST_P(GgmlVectors, AgreeBitForBit) {
  REPRISE_NEEDS_DATA("vectors/ggml-quant-vectors.json");
  std::ifstream file(reprise::testing::external_data() / "vectors/ggml-quant-vectors.json");
  const auto vectors = nlohmann::json::parse(file);
  const auto& type = vectors.at("types").at(GetParam().name);
  const DType dtype = GetParam().dtype;
  ASSERT_EQ(bytes_of(dtype, 512), type.at("row_bytes"));
  int n_cases = 0;
  for (const auto& [row, found] : type.at("cases").items()) {
    const auto x = floats_of_hex(vectors.at("rows").at(row));
    const Bytes expected = bytes_of_hex(found.at("quantised"));
    std::vector<float> widened(x.size());
    dequantize(dtype, expected.data(), widened);
    EXPECT_EQ(bits_of(widened), bits_of(floats_of_hex(found.at("dequantised")))) << row;
    if (dtype == DType::int8 || dtype == DType::int4) {
      Bytes quantised(expected.size());
      EXPECT_EQ(quantize(dtype, x, quantised.data()), x.size());
      EXPECT_EQ(quantised, expected) << row;
    }
    ++n_cases;
  }
  EXPECT_EQ(n_cases, 6);
}

INSTANTIATE_TEST_SUITE_P(Formats, GgmlVectors,
                         ::testing::Values(Format{"q8_0", DType::int8}, Format{"q4_0", DType::int4},
                                           Format{"q4_1", DType::q4_1}, Format{"q5_0", DType::q5_0},
                                           Format{"q5_1", DType::q5_1}, Format{"q4_K", DType::q4_k},
                                           Format{"q5_K", DType::q5_k}, Format{"q6_K", DType::q6_k}),
                         [](const auto& tested) { return std::string(tested.param.name); });

std::vector<float> random_row(unsigned seed, float magnitude) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, magnitude);
  std::vector<float> x(256);
  for (float& element : x) {
    element = normal(random);
  }
  return x;
}

/// The error of a level is at most half a step, and the step's own rounding to f16 moves the farthest level.
TEST(BlockFormats, ErrorIsWithinHalfAStep) {
  for (const auto& [dtype, levels, slack] :
       {std::tuple{DType::int8, 127.0F, 0.1F}, {DType::int4, 8.0F, 1.0F}}) {
    const auto x = random_row(7, 0.3F);
    Bytes blocks(bytes_of(dtype, std::ssize(x)));
    std::vector<float> back(x.size());
    ASSERT_EQ(quantize(dtype, x, blocks.data()), x.size());
    dequantize(dtype, blocks.data(), back);
    for (std::size_t block = 0; block < x.size(); block += 32) {
      float largest = 0;
      for (std::size_t i = block; i < block + 32; ++i) {
        largest = std::max(largest, std::abs(x[i]));
      }
      for (std::size_t i = block; i < block + 32; ++i) {
        EXPECT_LE(std::abs(x[i] - back[i]), (0.5F + slack) * largest / levels) << i;
      }
    }
  }
}

/// What lies on the levels comes back as it was.
TEST(BlockFormats, LevelsAreExact) {
  std::vector<float> x(32);
  for (int i = 0; i < 32; ++i) {
    x[static_cast<std::size_t>(i)] = static_cast<float>(i % 16 - 8) * 0.25F;
  }
  for (const DType dtype : {DType::int4}) {
    Bytes blocks(bytes_of(dtype, 32));
    std::vector<float> back(32);
    quantize(dtype, x, blocks.data());
    dequantize(dtype, blocks.data(), back);
    EXPECT_EQ(back, x);
  }
  x[0] = -127.0F;
  for (std::size_t i = 1; i < 32; ++i) {
    x[i] = static_cast<float>(i) * 4.0F;
  }
  Bytes blocks(bytes_of(DType::int8, 32));
  std::vector<float> back(32);
  quantize(DType::int8, x, blocks.data());
  dequantize(DType::int8, blocks.data(), back);
  EXPECT_EQ(back, x);
}

/// Scales below f16's range make a block of zeros, not of garbage; a negative zero is no NaN.
TEST(BlockFormats, VanishingBlocksAreZero) {
  for (const float tiny : {0.0F, -0.0F, 1e-44F, 1e-38F, 1e-12F}) {
    for (const DType dtype : {DType::int8, DType::int4}) {
      std::vector<float> x(32, tiny);
      x[3] = -tiny;
      Bytes blocks(bytes_of(dtype, 32));
      std::vector<float> back(32, 1.0F);
      EXPECT_EQ(quantize(dtype, x, blocks.data()), 32U);
      dequantize(dtype, blocks.data(), back);
      for (const float element : back) {
        EXPECT_EQ(std::abs(element), 0.0F) << tiny;
      }
    }
  }
}

/// The second block is bad: one is written, and the caller learns where the trouble begins.
TEST(BlockFormats, NonFiniteAndTooLargeAreRefused) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {infinity, -infinity, std::nanf(""), 3e38F}) {
    for (const DType dtype : {DType::int8, DType::int4}) {
      std::vector<float> x(96, 0.5F);
      x[40] = bad;
      Bytes blocks(bytes_of(dtype, 96));
      EXPECT_EQ(quantize(dtype, x, blocks.data()), 32U) << bad;
    }
  }
}

TEST(BlockFormats, PlainFloatsWidenFromUnalignedMemory) {
  const std::vector<float> x = {1.5F, -2.25F, 0.0F};
  Bytes memory(1 + x.size() * sizeof(Bf16));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Bf16 narrow = to_bf16(x[i]);
    std::memcpy(memory.data() + 1 + i * sizeof(narrow), &narrow, sizeof(narrow));
  }
  std::vector<float> back(x.size());
  dequantize(DType::bf16, memory.data() + 1, back);
  EXPECT_EQ(back, x);
}

}  // namespace
}  // namespace reprise::engine
