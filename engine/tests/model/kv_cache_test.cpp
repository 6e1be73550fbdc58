// The KV cache: its canonical bytes, and that they come back.
#include "engine/model/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>

#include "engine/tests/support/error_of.h"
#include "engine/tests/support/random_model.h"

namespace reprise::engine {
namespace {

using reprise::testing::Random;

ModelConfig small_config(std::int64_t head_dim = 5) {
  ModelConfig config;
  config.n_layers = 3;
  config.n_kv_heads = 2;
  config.head_dim = head_dim;
  return config;
}

/// Fills every row of every layer, live or not, with bytes of its own.
void fill(const KvCache& cache, std::uint64_t seed) {
  Random random(seed);
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    for (const MutableAnyTensorView& view : {cache.keys(layer), cache.values(layer)}) {
      for (std::size_t i = 0; i < view.size_bytes(); ++i) {
        view.data()[i] = static_cast<std::byte>(random.between(0, 255));
      }
    }
  }
}

class KvCacheOf : public ::testing::TestWithParam<DType> {
 protected:
  std::unique_ptr<Backend> backend_ = make_backend({.backend = "reference"});
  // Rows of odd width where the format allows it.
  const std::int64_t head_dim_ = is_block_format(GetParam()) ? 2 * block_extent(GetParam()) : 5;
  const std::size_t row_bytes_ = bytes_of(GetParam(), head_dim_);
  KvCache cache_{*backend_, small_config(head_dim_), GetParam(), 7};
};

TEST_P(KvCacheOf, CanonicalBytesAreTheLiveRows) {
  fill(cache_, 1);
  cache_.set_length(4);
  const std::size_t row = row_bytes_;
  EXPECT_EQ(cache_.live_bytes(), static_cast<std::int64_t>(2 * 3 * 2 * 4 * row));
  const std::vector<std::byte> keys = cache_.copy_keys(4);
  const std::vector<std::byte> values = cache_.copy_values(3);
  ASSERT_EQ(keys.size(), 3 * 2 * 4 * row);
  ASSERT_EQ(values.size(), 3 * 2 * 3 * row);
  for (std::size_t layer = 0; layer < 3; ++layer) {
    for (std::size_t head = 0; head < 2; ++head) {
      const std::byte* stored = cache_.keys(static_cast<std::int64_t>(layer)).data() + head * 7 * row;
      EXPECT_EQ(std::memcmp(keys.data() + (layer * 2 + head) * 4 * row, stored, 4 * row), 0);
      stored = cache_.values(static_cast<std::int64_t>(layer)).data() + head * 7 * row;
      EXPECT_EQ(std::memcmp(values.data() + (layer * 2 + head) * 3 * row, stored, 3 * row), 0);
    }
  }
}

TEST_P(KvCacheOf, RestoresWhatWasCopiedWhateverTheCapacity) {
  fill(cache_, 2);
  cache_.set_length(6);
  for (const std::int64_t length : {0, 1, 5, 6}) {
    for (const std::int64_t capacity : {6, 7, 40}) {
      KvCache other(*backend_, small_config(head_dim_), GetParam(), capacity);
      fill(other, 3);
      other.restore(cache_.copy_keys(length), cache_.copy_values(length), length);
      EXPECT_EQ(other.length(), length);
      EXPECT_EQ(other.capacity(), capacity);
      EXPECT_EQ(other.copy_keys(length), cache_.copy_keys(length));
      EXPECT_EQ(other.copy_values(length), cache_.copy_values(length));
    }
  }
}

TEST_P(KvCacheOf, ForgettingKeepsTheRowsBefore) {
  fill(cache_, 4);
  cache_.set_length(6);
  const auto before = cache_.copy_keys(2);
  cache_.set_length(2);
  EXPECT_EQ(cache_.copy_keys(2), before);
}

TEST_P(KvCacheOf, CallersBugsStopTheProgram) {
  cache_.set_length(3);
  EXPECT_DEATH(cache_.set_length(8), "");
  EXPECT_DEATH((void)cache_.copy_keys(4), "");
  EXPECT_DEATH((void)cache_.keys(3), "");
  const std::vector<std::byte> rows(3 * 2 * 2 * row_bytes_);
  cache_.restore(rows, rows, 2);
  EXPECT_DEATH(cache_.restore(rows, rows, 3), "");
  EXPECT_DEATH(cache_.restore(rows, std::span(rows).first(7), 2), "");
}

TEST(KvCache, HeadsThatAreNoWholeBlocksAreRefused) {
  const auto backend = make_backend({.backend = "reference"});
  EXPECT_EQ(std::string(reprise::testing::error_of([&] {
                          const KvCache cache(*backend, small_config(48), DType::int8, 7);
                        }).what()),
            "placement: kv_precision: expected f32, f16 or bf16 for heads of 48 dimensions, found int8, "
            "whose blocks "
            "have 32");
}

INSTANTIATE_TEST_SUITE_P(Precisions, KvCacheOf,
                         ::testing::Values(DType::f32, DType::f16, DType::bf16, DType::int8),
                         [](const auto& test) { return std::string(name_of(test.param)); });

}  // namespace
}  // namespace reprise::engine
