// Attention: accuracy of the reference, causality, and the same bits on every instruction set.
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
  std::int64_t spare_positions = 0;  ///< cache rows beyond the last that is seen
  Values values = Values::plain;
  float sharpness = 1;  ///< queries are multiplied by it: spreads the scores
};

struct AttentionOperands {
  AttentionOperands(Random& random, const AttentionCase& attention_case)
      : c(attention_case),
        q_shape({c.n_tokens, c.n_kv_heads * c.group, c.head_dim}),
        cache_shape({c.n_kv_heads, c.first_position + c.n_tokens + c.spare_positions, c.head_dim}),
        queries(random_values(random, q_shape.count(), c.values)),
        keys(Tensor::random(random, c.dtype, cache_shape, c.values)),
        values(Tensor::random(random, c.dtype, cache_shape, c.values)),
        scale(1.0F / std::sqrt(static_cast<float>(c.head_dim))) {
    for (float& q : queries) {
      q *= c.sharpness;
    }
  }

  [[nodiscard]] Attention op(std::byte* out) {
    return {floats_at(out, q_shape), view_of(queries, q_shape), keys.view(),
            values.view(),           c.first_position,          scale};
  }

  AttentionCase c;
  Shape q_shape;
  Shape cache_shape;
  std::vector<float> queries;
  Tensor keys;
  Tensor values;
  float scale;
};

std::string describe(const AttentionCase& c) {
  return fmt::format("{} tokens from {}, {} kv heads x {}, head_dim {}, {}", c.n_tokens, c.first_position,
                     c.n_kv_heads, c.group, c.head_dim, name_of(c.dtype));
}

/// One query head of one token against float64.
void expect_head_accurate(const AttentionOperands& operands, const float* found, std::int64_t t,
                          std::int64_t head) {
  const AttentionCase& c = operands.c;
  const std::int64_t d = c.head_dim;
  const std::int64_t n_seen = c.first_position + t + 1;
  const std::int64_t base = head / c.group * operands.cache_shape[1] * d;
  std::vector<double> score(static_cast<std::size_t>(n_seen));
  double score_error = 0;
  double highest = -std::numeric_limits<double>::infinity();
  double lowest = std::numeric_limits<double>::infinity();
  for (std::int64_t s = 0; s < n_seen; ++s) {
    double dot = 0;
    double magnitude = 0;
    for (std::int64_t i = 0; i < d; ++i) {
      const double product =
          operands.queries[static_cast<std::size_t>((t * operands.q_shape[1] + head) * d + i)] *
          operands.keys.at(base + s * d + i);
      dot += product;
      magnitude += std::fabs(product);
    }
    score[static_cast<std::size_t>(s)] = dot * operands.scale;
    score_error = std::max(score_error, (chain_error(d) + kUnit) * magnitude * operands.scale);
    highest = std::max(highest, score[static_cast<std::size_t>(s)]);
    lowest = std::min(lowest, score[static_cast<std::size_t>(s)]);
  }
  double sum = 0;
  for (double& p : score) {
    p = std::exp(p - highest);
    sum += p;
  }
  // A weight's relative error: that of its score and of the highest, the subtraction's rounding, exp's own.
  // The sum of weights adds a chain sum; the weighted sum n_seen roundings in order; reciprocal and product
  // one each.
  const double weight_error = 2 * score_error + kUnit * (highest - lowest) + kExpError;
  const double relative = 2 * weight_error + chain_error(n_seen) + static_cast<double>(n_seen + 2) * kUnit;
  for (std::int64_t i = 0; i < d; ++i) {
    double exact = 0;
    double magnitude = 0;
    double largest = 0;
    for (std::int64_t s = 0; s < n_seen; ++s) {
      const double value = operands.values.at(base + s * d + i);
      exact += score[static_cast<std::size_t>(s)] * value / sum;
      magnitude += score[static_cast<std::size_t>(s)] * std::fabs(value) / sum;
      largest = std::max(largest, std::fabs(value));
    }
    // exp counts as 0 below -87.
    const double dropped = static_cast<double>(n_seen) * std::exp(-87.0) * largest;
    ASSERT_TRUE(within(found[i], exact, relative * magnitude + dropped))
        << "token " << t << ", head " << head << ", element " << i;
  }
}

TEST(Attention, ReferenceIsAccurate) {
  Random random(1);
  for (const std::int64_t head_dim : {4, 32, 64, 80, 128}) {
    for (const std::int64_t group : {1, 2, 3, 8}) {
      for (const DType dtype : {DType::f32, DType::f16, DType::bf16, DType::int8}) {
        if (head_dim % block_extent(dtype) != 0) {
          continue;
        }
        for (const float sharpness : {1.0F, 100.0F}) {
          AttentionCase c = {3, 2, group, head_dim, random.integer(0, 90), dtype, 2};
          c.sharpness = sharpness;
          AttentionOperands operands(random, c);
          Output out = Output::of_floats(operands.q_shape.count());
          run_slice(kernels::reference_kernels(), &KernelTable::attention, operands.op(out.data()), 0, 1);
          for (std::int64_t head = 0; head < 3 * 2 * group; ++head) {
            ASSERT_NO_FATAL_FAILURE(expect_head_accurate(operands, out.floats() + head * head_dim,
                                                         head / (2 * group), head % (2 * group)))
                << describe(c);
          }
        }
      }
    }
  }
}

TEST(Attention, SameBitsOnEveryIsaForRandomShapes) {
  record_isas();
  Random random(2);
  for (int i = 0; i < 300; ++i) {
    AttentionCase c = {
        .n_tokens = random.one_of<std::int64_t>({1, 1, 1, 1, random.integer(2, 6), random.integer(2, 6),
                                                 random.integer(2, 6), random.integer(60, 80)}),
        .n_kv_heads = random.integer(1, 3),
        .group = random.one_of<std::int64_t>({1, 2, 3, 8}),
        .head_dim = random.one_of<std::int64_t>({4, 32, 64, 80, 128, 2 * random.integer(1, 70)}),
        .first_position =
            random.one_of<std::int64_t>({0, random.integer(0, 20), random.integer(20, 110), 127}),
        .dtype = random.float_dtype(),
        .spare_positions = random.integer(0, 3),
        .values = random.one_of({Values::plain, Values::awkward}),
        .sharpness = random.one_of({1.0F, 30.0F})};
    if (c.head_dim % kBlock == 0 && random.coin()) {
      c.dtype = DType::int8;
      c.values = Values::plain;  // magnitudes of 2^40 have no scale in f16
    }
    AttentionOperands operands(random, c);
    ASSERT_TRUE(writes_same_floats_on_every_isa<Attention>(&KernelTable::attention, operands.q_shape.count(),
                                                           [&](std::byte* out) { return operands.op(out); }))
        << "case " << i << ": " << describe(c);
  }
}

// So many positions that the tokens no longer share one pass over the cache.
TEST(Attention, SameBitsOnEveryIsaWhereScoresFillTheWorkspace) {
  Random random(5);
  AttentionOperands operands(random, {40, 1, 8, 16, 3000});
  ASSERT_TRUE(writes_same_floats_on_every_isa<Attention>(&KernelTable::attention, operands.q_shape.count(),
                                                         [&](std::byte* out) { return operands.op(out); }));
}

// A NaN must come out, not be averaged away: generate() refuses logits that are not finite.
TEST(Attention, NanInAQueryOrAKeyReachesTheOutputOnEveryIsa) {
  Random random(4);
  const AttentionCase c = {1, 1, 1, 32, 20};
  for (const bool in_query : {true, false}) {
    AttentionOperands operands(random, c);
    std::vector<float> keys(static_cast<std::size_t>(operands.cache_shape.count()), 0.5F);
    (in_query ? operands.queries[5] : keys[7 * 32 + 5]) = std::numeric_limits<float>::quiet_NaN();
    operands.keys = Tensor(DType::f32, operands.cache_shape, keys);
    for (const std::string_view isa : kernels::available_isas()) {
      Output out = Output::of_floats(32);
      run_slice(kernels::cpu_kernels(isa), &KernelTable::attention, operands.op(out.data()), 0, 1);
      for (int i = 0; i < 32; ++i) {
        ASSERT_TRUE(std::isnan(out.floats()[i])) << isa << ", in_query " << in_query << ", element " << i;
      }
    }
  }
}

// What makes prefill chunks free of consequences.
TEST(Attention, ATokenDependsOnEarlierPositionsAlone) {
  Random random(5);
  AttentionCase c = {6, 2, 2, 80, 33, DType::f16, 4};
  AttentionOperands operands(random, c);
  const std::int64_t row = operands.q_shape[1] * c.head_dim;
  for (const std::string_view isa : kernels::available_isas()) {
    Output together = Output::of_floats(operands.q_shape.count());
    run_slice(kernels::cpu_kernels(isa), &KernelTable::attention, operands.op(together.data()), 0, 1);
    Output alone = Output::of_floats(operands.q_shape.count());
    for (std::int64_t t = 0; t < c.n_tokens; ++t) {
      Attention op = operands.op(alone.data());
      const Shape one_token = {1, operands.q_shape[1], c.head_dim};
      op.out = {op.out.data() + t * row, one_token};
      op.queries = {op.queries.data() + t * row, one_token};
      op.first_position += t;
      run_slice(kernels::cpu_kernels(isa), &KernelTable::attention, op, 0, 1);
    }
    ASSERT_EQ(alone, together) << isa;
  }
}

}  // namespace
}  // namespace reprise::engine::testing
