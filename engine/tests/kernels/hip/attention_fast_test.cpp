// `--numerics fast` on GPUs: attention of many tokens against float64, what stays exact, and that a run
// repeats itself. Emulated.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "engine/tests/kernels/error_bounds.h"
#include "engine/tests/kernels/random_tensors.h"
#include "engine/tests/kernels/same_bits.h"

namespace reprise::engine::testing {
namespace {

struct AttentionCase {
  std::int64_t n_tokens;
  std::int64_t n_kv_heads;
  std::int64_t group;
  std::int64_t head_dim;
  std::int64_t first_position = 0;
  DType dtype = DType::f32;
  float sharpness = 1;  ///< queries are multiplied by it: spreads the scores
};

/// Positions that the kernel takes at a time.
constexpr std::int64_t kTogether = 32;

struct Operands {
  explicit Operands(const AttentionCase& attention_case, std::uint64_t seed = 1)
      : c(attention_case),
        random(seed),
        q_shape({c.n_tokens, c.n_kv_heads * c.group, c.head_dim}),
        cache_shape({c.n_kv_heads, c.first_position + c.n_tokens + 3, c.head_dim}),
        queries(random_values(random, q_shape.count())),
        keys(Tensor::random(random, c.dtype, cache_shape)),
        values(Tensor::random(random, c.dtype, cache_shape)),
        scale(1.0F / std::sqrt(static_cast<float>(c.head_dim))) {
    for (float& q : queries) {
      q *= c.sharpness;
    }
  }

  [[nodiscard]] Output run(kernels::HipDevice& gpu) const {
    Output out = Output::of_floats(q_shape.count());
    run_on_gpu(gpu, Attention{floats_at(out.data(), q_shape), view_of(queries, q_shape), keys.view(),
                              values.view(), c.first_position, scale});
    return out;
  }

  AttentionCase c;
  Random random;
  Shape q_shape;
  Shape cache_shape;
  std::vector<float> queries;
  Tensor keys;
  Tensor values;
  float scale;
};

std::vector<std::unique_ptr<kernels::HipDevice>> fast_gpus() {
  auto devices = all_gpus();
  for (const auto& device : devices) {
    device->compute_fast(true);
  }
  return devices;
}

double rounded(DType cache, double x) {
  const auto narrow = static_cast<float>(x);
  return cache == DType::f16 ? to_f32(to_f16(narrow)) : to_f32(to_bf16(narrow));
}

/// One query head of one token against float64, given operands that are rounded already.
void expect_head_accurate(const Operands& operands, const float* found, std::int64_t t, std::int64_t head) {
  const AttentionCase& c = operands.c;
  const std::int64_t d = c.head_dim;
  const std::int64_t n_seen = c.first_position + t + 1;
  const std::int64_t base = head / c.group * operands.cache_shape[1] * d;
  const float* query = operands.queries.data() + (t * operands.q_shape[1] + head) * d;
  std::vector<double> weights(static_cast<std::size_t>(n_seen));
  double score_error = 0;
  double highest = -std::numeric_limits<double>::infinity();
  double lowest = std::numeric_limits<double>::infinity();
  for (std::int64_t s = 0; s < n_seen; ++s) {
    double dot = 0;
    double magnitude = 0;
    for (std::int64_t i = 0; i < d; ++i) {
      const double product = rounded(c.dtype, static_cast<double>(query[i])) *
                             rounded(c.dtype, operands.keys.at(base + s * d + i));
      dot += product;
      magnitude += std::fabs(product);
    }
    const double score = dot * static_cast<double>(operands.scale);
    weights[static_cast<std::size_t>(s)] = score;
    // d additions in any order, and the scale.
    score_error = std::max(score_error, static_cast<double>(d + 1) * kUnit * magnitude * operands.scale);
    highest = std::max(highest, score);
    lowest = std::min(lowest, score);
  }
  double sum = 0;
  for (double& weight : weights) {
    weight = std::exp(weight - highest);
    sum += weight;
  }
  // A weight is the exponential of a difference; it is rounded to 16 bits where it multiplies a value, and
  // scaled each time a larger score is found, by the exponential of a difference again. All differences
  // together are the spread.
  const auto n = static_cast<double>(n_seen);
  const double n_groups = std::ceil(n / static_cast<double>(kTogether));
  const double weight_error =
      score_error + (n_groups + 1) * (kExpError + 2 * kUnit) + kUnit * (highest - lowest + 2 * score_error);
  const double rounding = c.dtype == DType::f16 ? 0x1p-11 : 0x1p-8;
  const double smallest = c.dtype == DType::f16 ? 0x1p-25 : 0;  // of weights below f16's normal range
  for (std::int64_t i = 0; i < d; ++i) {
    double exact = 0;
    double magnitude = 0;
    double values = 0;
    for (std::int64_t s = 0; s < n_seen; ++s) {
      const double value = rounded(c.dtype, operands.values.at(base + s * d + i));
      exact += weights[static_cast<std::size_t>(s)] * value / sum;
      magnitude += weights[static_cast<std::size_t>(s)] * std::fabs(value) / sum;
      values += std::fabs(value) / sum;
    }
    // Numerator and denominator: the weights' errors and n additions each; the division and the product after
    // it.
    const double bound = magnitude * (rounding + 2 * weight_error + (2 * n + 2) * kUnit) + smallest * values;
    ASSERT_TRUE(within(found[i], exact, bound)) << "token " << t << ", head " << head << ", element " << i;
  }
}

TEST(HipAttentionFast, IsAccurateToTheRoundingOfItsOperands) {
  const AttentionCase cases[] = {{16, 1, 1, 16},           {17, 1, 1, 1},       {64, 1, 2, 64},
                                 {65, 1, 3, 80, 5},        {70, 2, 1, 128, 40}, {33, 1, 2, 96, 130},
                                 {16, 1, 1, 127, 31},      {130, 1, 1, 24},     {40, 1, 1, 64, 0, {}, 30},
                                 {20, 2, 2, 32, 33, {}, 8}};
  std::uint64_t seed = 0;
  for (const auto& gpu : fast_gpus()) {
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
      for (AttentionCase c : cases) {
        c.dtype = dtype;
        const Operands operands(c, ++seed);
        Output found = operands.run(*gpu);
        ASSERT_TRUE(found.guards_intact());
        for (std::int64_t t = 0; t < c.n_tokens; t += t + 5 < c.n_tokens ? 5 : 1) {
          for (std::int64_t head = 0; head < operands.q_shape[1]; ++head) {
            const float* const row = found.floats() + (t * operands.q_shape[1] + head) * c.head_dim;
            ASSERT_NO_FATAL_FAILURE(expect_head_accurate(operands, row, t, head))
                << fmt::format("{}: {} tokens from {}, head_dim {}, {}", gpu->info().architecture, c.n_tokens,
                               c.first_position, c.head_dim, name_of(dtype));
          }
        }
      }
    }
  }
}

TEST(HipAttentionFast, EqualScoresGiveTheMeanOfIntegersExactly) {
  for (const auto& gpu : fast_gpus()) {
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
      const AttentionCase c = {80, 1, 1, 48, 20, dtype};
      Operands operands(c);
      std::vector<float> integers(static_cast<std::size_t>(operands.cache_shape.count()));
      operands.keys = Tensor(dtype, operands.cache_shape, integers);
      for (std::size_t i = 0; i < integers.size(); ++i) {
        integers[i] = static_cast<float>(static_cast<int>(i * 7919 % 255) - 127);
      }
      operands.values = Tensor(dtype, operands.cache_shape, integers);
      Output found = operands.run(*gpu);
      std::vector<float> sums(48);
      for (std::int64_t s = 0; s < 100; ++s) {
        for (std::size_t i = 0; i < 48; ++i) {
          sums[i] += integers[static_cast<std::size_t>(s) * 48 + i];
          if (s >= 20) {
            ASSERT_EQ(found.floats()[static_cast<std::size_t>(s - 20) * 48 + i],
                      sums[i] * (1.0F / static_cast<float>(s + 1)))
                << "position " << s << ", element " << i;
          }
        }
      }
    }
  }
}

TEST(HipAttentionFast, ARunRepeatsItsBits) {
  for (const auto& gpu : fast_gpus()) {
    const Operands operands({70, 2, 2, 80, 9, DType::bf16});
    const Output first = operands.run(*gpu);
    EXPECT_EQ(operands.run(*gpu), first);
  }
}

TEST(HipAttentionFast, FewTokensLongHeadsAndBlocksHaveTheExactBits) {
  const auto exact = all_gpus();
  const auto fast = fast_gpus();
  for (std::size_t i = 0; i < fast.size(); ++i) {
    for (const AttentionCase& c : {AttentionCase{1, 1, 2, 64, 30, DType::bf16},
                                   {15, 1, 1, 32, 0, DType::f16},
                                   {16, 1, 1, 129, 0, DType::f32},
                                   {16, 1, 1, 64, 0, DType::int8}}) {
      const Operands operands(c);
      EXPECT_EQ(operands.run(*fast[i]), operands.run(*exact[i])) << c.n_tokens << ", " << c.head_dim;
    }
    const Operands operands({16, 1, 1, 64, 0, DType::bf16});
    EXPECT_FALSE(operands.run(*fast[i]) == operands.run(*exact[i])) << "not rounded";
  }
}

}  // namespace
}  // namespace reprise::engine::testing
