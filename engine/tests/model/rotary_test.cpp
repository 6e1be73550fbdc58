// Rotary tables against the formula, in long double, and Llama 3.1's stretching on all its branches.
#include "engine/model/rotary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <set>

#include "engine/core/digest.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine {
namespace {

ModelConfig config_of(std::int64_t head_dim, double theta) {
  ModelConfig config;
  config.head_dim = head_dim;
  config.rope_theta = theta;
  return config;
}

TEST(Rotary, FrequenciesArePowersOfTheta) {
  for (const std::int64_t head_dim : {2, 6, 64, 128}) {
    const auto frequencies = rotary_frequencies(config_of(head_dim, 1e6));
    ASSERT_EQ(std::ssize(frequencies), head_dim / 2);
    EXPECT_EQ(frequencies[0], 1.0);
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
      const auto exponent = 2.0L * static_cast<long double>(i) / static_cast<long double>(head_dim);
      const auto expected = static_cast<double>(1 / std::pow(1e6L, exponent));
      EXPECT_NEAR(frequencies[i] / expected, 1.0, 1e-14);
    }
  }
}

/// transformers, modeling_rope_utils.py, _compute_llama3_parameters.
double stretched(double frequency, const RopeScaling& s, std::set<int>& branches) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength > s.original_context / s.low_freq_factor) {
    branches.insert(0);
    return frequency / s.factor;
  }
  if (wavelength < s.original_context / s.high_freq_factor) {
    branches.insert(1);
    return frequency;
  }
  branches.insert(2);
  const double smooth =
      (s.original_context / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return (1 - smooth) * frequency / s.factor + smooth * frequency;
}

TEST(Rotary, Llama3Stretching) {
  for (const RopeScaling& scaling : {RopeScaling{32, 1, 4, 8192}, RopeScaling{8, 2, 5, 300}}) {
    ModelConfig config = config_of(64, 500000);
    const auto plain = rotary_frequencies(config);
    config.rope_scaling = scaling;
    const auto frequencies = rotary_frequencies(config);
    std::set<int> branches;
    for (std::size_t i = 0; i < plain.size(); ++i) {
      EXPECT_NEAR(frequencies[i] / stretched(plain[i], scaling, branches), 1.0, 1e-14) << i;
    }
    EXPECT_EQ(branches.size(), 3U) << "long, short and blended wavelengths";
  }
}

TEST(Rotary, TablesAreCosinesAndSinesOfPositions) {
  ModelConfig config = config_of(48, 10000);
  config.rope_scaling = RopeScaling{8, 1, 4, 256};
  const auto frequencies = rotary_frequencies(config);
  const RotaryTables tables = rotary_tables(config, 3000);
  ASSERT_EQ(tables.cosine.size(), 3000U * 24U);
  ASSERT_EQ(tables.sine.size(), 3000U * 24U);
  for (std::size_t position = 0; position < 3000; ++position) {
    for (std::size_t i = 0; i < 24; ++i) {
      // The angle is a double by definition; from there on, half an ulp of f32.
      const auto angle = static_cast<long double>(static_cast<double>(position) * frequencies[i]);
      ASSERT_NEAR(tables.cosine[position * 24 + i], static_cast<double>(std::cos(angle)), 0x1.00001p-25);
      ASSERT_NEAR(tables.sine[position * 24 + i], static_cast<double>(std::sin(angle)), 0x1.00001p-25);
    }
  }
  EXPECT_EQ(tables.cosine[0], 1.0F);
  EXPECT_EQ(tables.sine[0], 0.0F);
}

/// Equal on every machine: nothing here comes from the C library.
TEST(Rotary, TablesHaveTheseBitsEverywhere) {
  ModelConfig config = config_of(128, 1e6);
  const RotaryTables plain = rotary_tables(config, 2000);
  config.rope_scaling = RopeScaling{32, 1, 4, 8192};
  const RotaryTables stretched = rotary_tables(config, 2000);
  const auto digest = [](const std::vector<float>& table) {
    return xxh3_64(std::as_bytes(std::span(table)));
  };
  EXPECT_EQ(digest(plain.cosine), 0x39423eefb6214caeU);
  EXPECT_EQ(digest(plain.sine), 0x474a4aca6cc4cae3U);
  EXPECT_EQ(digest(stretched.cosine), 0xdabae983d9305241U);
  EXPECT_EQ(digest(stretched.sine), 0x40fa2519d7ece187U);
}

TEST(Rotary, RefusesAnglesBeyondSense) {
  ModelConfig config = config_of(4, 1e-30);
  config.n_context = 1024;
  const Error error = testing::error_of([&] { rotary_frequencies(config); });
  EXPECT_EQ(error.code(), ErrorCode::unsupported);
  EXPECT_STREQ(error.what(),
               "rotary positions: expected angles up to 1099511627776 radians, found 1.024e+18 (pair 1)");
}

/// A table's rows do not depend on how many there are.
TEST(Rotary, ShorterTablesAreTheBeginning) {
  const ModelConfig config = config_of(10, 1e4);
  const RotaryTables all = rotary_tables(config, 50);
  const RotaryTables some = rotary_tables(config, 20);
  EXPECT_TRUE(std::equal(some.cosine.begin(), some.cosine.end(), all.cosine.begin()));
  EXPECT_TRUE(std::equal(some.sine.begin(), some.sine.end(), all.sine.begin()));
}

}  // namespace
}  // namespace reprise::engine
