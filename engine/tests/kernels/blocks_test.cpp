// Kernels over blocks: quantising activations, products with int8 and int4 weights, embedding from blocks,
// and a KV cache in int8. Each against its definition computed here in integers and doubles, and the same
// bits on every instruction set.
#include <gtest/gtest.h>

#include <limits>

#include "engine/tests/kernels/error_bounds.h"
#include "engine/tests/kernels/random_tensors.h"
#include "engine/tests/kernels/same_bits.h"

namespace reprise::engine::testing {
namespace {

/// Activations in blocks with their memory: values, then scales.
struct Blocks {
  explicit Blocks(Shape row_shape)
      : shape(row_shape),
        values(static_cast<std::size_t>(shape.count())),
        scales(static_cast<std::size_t>(shape.count() / kBlock)) {}

  [[nodiscard]] Shape scale_shape() const { return {shape[0], shape[1] / kBlock}; }
  [[nodiscard]] MutableQuantizedRows out() {
    return {{values.data(), shape}, {scales.data(), scale_shape()}};
  }
  [[nodiscard]] QuantizedRows view() const {
    return {{values.data(), shape}, {scales.data(), scale_shape()}};
  }

  Shape shape;
  std::vector<std::int8_t> values;
  std::vector<float> scales;
};

Blocks quantized(const std::vector<float>& x, Shape shape) {
  Blocks blocks(shape);
  kernels::reference_kernels().quantize({blocks.out(), view_of(x, shape)}, {0, 1});
  return blocks;
}

TEST(Quantize, EachValueIsTheNearestLevel) {
  Random random(1);
  const auto x = random_values(random, 8 * 96);
  const Blocks blocks = quantized(x, {8, 96});
  for (std::size_t i = 0; i < x.size(); ++i) {
    float largest = 0;
    for (std::size_t j = i / 32 * 32; j < i / 32 * 32 + 32; ++j) {
      largest = std::max(largest, std::fabs(x[j]));
    }
    ASSERT_EQ(blocks.scales[i / 32], largest / 127.0F);
    const double exact = static_cast<double>(x[i]) * 127.0 / largest;
    ASSERT_LE(std::fabs(exact - blocks.values[i]), 0.5 + 1e-4) << i;
  }
}

TEST(Quantize, TiesGoToEven) {
  std::vector<float> x(32, 0.0F);
  x[0] = 127.0F;
  x[1] = 0.5F;
  x[2] = 1.5F;
  x[3] = 2.5F;
  x[4] = -0.5F;
  x[5] = -1.5F;
  x[6] = -127.0F;
  const Blocks blocks = quantized(x, {1, 32});
  EXPECT_EQ(blocks.scales[0], 1.0F);
  EXPECT_EQ(std::vector<int>(blocks.values.begin(), blocks.values.begin() + 8),
            (std::vector<int>{127, 0, 2, 2, 0, -2, -127, 0}));
}

TEST(Quantize, NonFiniteBlocksAreNaNAndVanishingOnesZero) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {infinity, -infinity, std::nanf("")}) {
    std::vector<float> x(96, 0.25F);
    x[33] = bad;
    const Blocks blocks = quantized(x, {1, 96});
    EXPECT_EQ(blocks.scales[0], 0.25F / 127.0F);
    EXPECT_TRUE(std::isnan(blocks.scales[1]));
    EXPECT_EQ(blocks.scales[2], 0.25F / 127.0F);
  }
  const Blocks tiny = quantized(std::vector<float>(32, 1e-38F), {1, 32});
  EXPECT_EQ(tiny.scales[0], 0.0F);
  EXPECT_EQ(tiny.values, std::vector<std::int8_t>(32, 0));
}

TEST(Quantize, SameBitsOnEveryIsa) {
  record_isas();
  Random random(2);
  for (int i = 0; i < 300; ++i) {
    const Shape shape = {random.integer(1, 7), 32 * random.integer(1, 5)};
    auto x = random_values(random, shape.count(), random.one_of({Values::plain, Values::awkward}));
    if (random.integer(0, 3) == 0) {
      x[static_cast<std::size_t>(random.integer(0, shape.count() - 1))] =
          random.one_of({std::numeric_limits<float>::infinity(), std::nanf(""), -1e38F});
    }
    const std::int64_t n = shape.count();
    const Output blank(static_cast<std::size_t>(n + n / kBlock * 4));
    ASSERT_TRUE(same_bits_on_every_isa<Quantize>(
        &KernelTable::quantize, blank,
        [&](std::byte* out) -> Quantize {
          return {{{reinterpret_cast<std::int8_t*>(out) + n / kBlock * 4, shape},
                   {reinterpret_cast<float*>(out), {shape[0], shape[1] / kBlock}}},
                  view_of(x, shape)};
        }))
        << "case " << i;
  }
}

struct BlockLinear {
  BlockLinear(Random& random, std::int64_t n_tokens, std::int64_t n_in, std::int64_t n_out, DType dtype,
              bool extras, Values kind = Values::plain)
      : x_shape({n_tokens, n_in}),
        out_shape({n_tokens, n_out}),
        with_extras(extras),
        x(random_values(random, x_shape.count(), kind)),
        x_blocks(quantized(x, x_shape)),
        weight(Tensor::random(random, dtype, {n_out, n_in})),
        bias(random_values(random, n_out)),
        residual(random_values(random, out_shape.count())) {}

  [[nodiscard]] Linear op(std::byte* out) const {
    Linear op = {floats_at(out, out_shape),
                 view_of(x, x_shape),
                 weight.view(),
                 optional_view(bias, with_extras),
                 {},
                 x_blocks.view()};
    if (with_extras) {
      op.residual = view_of(residual, out_shape);
    }
    return op;
  }
  /// The exact value of the product of what the blocks stand for, and the sum of its terms' magnitudes.
  [[nodiscard]] std::pair<double, double> exact(std::int64_t t, std::int64_t o) const {
    double sum = 0;
    double magnitude = 0;
    for (std::int64_t k = 0; k < x_shape[1]; ++k) {
      const auto i = static_cast<std::size_t>(t * x_shape[1] + k);
      const double activation = static_cast<double>(x_blocks.values[i]) * x_blocks.scales[i / 32];
      sum += activation * weight.at(o * x_shape[1] + k);
      magnitude += std::fabs(activation * weight.at(o * x_shape[1] + k));
    }
    return {sum, magnitude};
  }

  Shape x_shape;
  Shape out_shape;
  bool with_extras;
  std::vector<float> x;
  Blocks x_blocks;
  Tensor weight;
  std::vector<float> bias;
  std::vector<float> residual;
};

/// Against the product of the dequantised values, and that against the product of the activations as given:
/// the first bound is rounding, the second the half level that quantising costs.
TEST(LinearInBlocks, ReferenceIsAccurate) {
  Random random(3);
  for (const DType dtype : {DType::int8, DType::int4}) {
    for (const std::int64_t n_in : {32, 64, 96, 1024}) {
      for (const bool extras : {false, true}) {
        const BlockLinear operands(random, 3, n_in, 5, dtype, extras);
        Output out = Output::of_floats(15);
        run_slice(kernels::reference_kernels(), &KernelTable::linear_blocks, operands.op(out.data()), 0, 1);
        for (std::int64_t i = 0; i < 15; ++i) {
          auto [exact, magnitude] = operands.exact(i / 5, i % 5);
          double true_product = 0;
          for (std::int64_t k = 0; k < n_in; ++k) {
            true_product +=
                operands.x[static_cast<std::size_t>(i / 5 * n_in + k)] * operands.weight.at(i % 5 * n_in + k);
          }
          ASSERT_NEAR(exact, true_product, 0.5 / 127 * 1.01 * std::sqrt(static_cast<double>(n_in)) * 4);
          double added = 0;
          if (extras) {
            added = static_cast<double>(operands.bias[static_cast<std::size_t>(i % 5)]) +
                    operands.residual[static_cast<std::size_t>(i)];
          }
          const double bound = static_cast<double>(n_in / 32 + 4) * kUnit * (magnitude + 3);
          ASSERT_TRUE(within(out.floats()[i], exact + added, bound)) << name_of(dtype) << " " << n_in;
        }
      }
    }
  }
}

/// Bytes that quantisers never write are still weights: -128, and any scale.
TEST(LinearInBlocks, ExtremeValuesAreExact) {
  std::vector<Int8Block> blocks(17);
  for (Int8Block& block : blocks) {
    block.scale = to_f16(1.0F);
    std::fill(std::begin(block.values), std::end(block.values), std::int8_t{-128});
  }
  const AnyTensorView weight(DType::int8, reinterpret_cast<const std::byte*>(blocks.data()), {17, 32});
  for (const std::int64_t n_tokens : {1, 7, 17}) {
    for (const float sign : {1.0F, -1.0F}) {
      const std::vector<float> x(static_cast<std::size_t>(n_tokens) * 32, -sign);
      const Blocks x_blocks = quantized(x, {n_tokens, 32});
      for (const std::string_view isa : kernels::available_isas()) {
        std::vector<float> y(static_cast<std::size_t>(n_tokens) * 17);
        run_slice(kernels::cpu_kernels(isa), &KernelTable::linear_blocks,
                  {{y.data(), {n_tokens, 17}}, view_of(x, {n_tokens, 32}), weight, {}, {}, x_blocks.view()}, 0, 1);
        for (const float found : y) {
          ASSERT_EQ(found, sign * 32.0F * 128.0F * 127.0F * (1.0F / 127.0F)) << isa << " " << n_tokens;
        }
      }
    }
  }
}

TEST(LinearInBlocks, SameBitsOnEveryIsaForRandomShapes) {
  record_isas();
  Random random(4);
  for (int i = 0; i < 300; ++i) {
    const std::int64_t n_tokens = random.one_of<std::int64_t>(
        {1, 1, random.integer(2, 14), random.integer(15, 33), random.integer(60, 70)});
    const BlockLinear operands(
        random, n_tokens, 32 * random.integer(1, 6), random.integer(1, 53), random.block_dtype(), random.coin(),
        random.one_of({Values::plain, Values::awkward}));
    ASSERT_TRUE(writes_same_floats_on_every_isa<Linear>(&KernelTable::linear_blocks,
                                                        operands.out_shape.count(),
                                                        [&](std::byte* out) { return operands.op(out); }))
        << "case " << i << ": " << operands.x_shape[0] << " x " << operands.x_shape[1] << " -> "
        << operands.out_shape[1];
  }
}

/// Weights that kernels unpack a part at a time, since all of them would not stay in cache (9 times 64 KiB and more).
TEST(LinearInBlocks, SameBitsOnEveryIsaForManyWideRows) {
  Random random(8);
  for (const DType dtype : {DType::int8, DType::int4}) {
    const BlockLinear operands(random, 21, 4096, 9 * 16 + 5, dtype, true);
    ASSERT_TRUE(writes_same_floats_on_every_isa<Linear>(&KernelTable::linear_blocks, operands.out_shape.count(),
                                                        [&](std::byte* out) { return operands.op(out); }))
        << name_of(dtype);
  }
}

TEST(LinearInBlocks, ARowDependsOnItsTokenAlone) {
  Random random(5);
  const BlockLinear operands(random, 70, 96, 19, DType::int4, true);
  for (const std::string_view isa : kernels::available_isas()) {
    Output together = Output::of_floats(70 * 19);
    run_slice(kernels::cpu_kernels(isa), &KernelTable::linear_blocks, operands.op(together.data()), 0, 1);
    Output alone = Output::of_floats(70 * 19);
    for (std::int64_t t = 0; t < 70; ++t) {
      const Linear all = operands.op(alone.data());
      run_slice(kernels::cpu_kernels(isa), &KernelTable::linear_blocks,
                {{all.out.row(t), {1, 19}},
                 {all.x.row(t), {1, 96}},
                 all.weight,
                 all.bias,
                 {all.residual.row(t), {1, 19}},
                 {{all.x_blocks.values.row(t), {1, 96}}, {all.x_blocks.scales.row(t), {1, 3}}}},
                0, 1);
    }
    ASSERT_EQ(alone, together) << isa;
  }
}

TEST(EmbedFromBlocks, IsExactAndTheSameOnEveryIsa) {
  Random random(6);
  for (const DType dtype : {DType::int8, DType::int4}) {
    const Tensor table = Tensor::random(random, dtype, {7, 96});
    const std::vector<TokenId> tokens = {3, 0, 6};
    const auto make = [&](std::byte* out) -> Embed {
      return {floats_at(out, {3, 96}), table.view(), tokens, {}, 0};
    };
    ASSERT_TRUE(writes_same_floats_on_every_isa<Embed>(&KernelTable::embed, 3 * 96, make));
    Output out = Output::of_floats(3 * 96);
    kernels::reference_kernels().embed(make(out.data()), {0, 1});
    for (std::int64_t i = 0; i < 3 * 96; ++i) {
      ASSERT_EQ(out.floats()[i], table.at(tokens[static_cast<std::size_t>(i / 96)] * 96 + i % 96));
    }
  }
}

TEST(StoreKvInBlocks, StoresWhatTheFormatSaysAndTheSameOnEveryIsa) {
  Random random(7);
  for (int i = 0; i < 50; ++i) {
    const std::int64_t n_tokens = random.integer(1, 5);
    const std::int64_t n_heads = random.integer(1, 4);
    const std::int64_t head_dim = 32 * random.integer(1, 4);
    const Shape rows = {n_tokens, n_heads, head_dim};
    const Shape cache = {n_heads, n_tokens + 3, head_dim};
    auto keys = random_values(random, rows.count());
    const auto values = random_values(random, rows.count());
    const std::size_t cache_bytes = bytes_of(DType::int8, cache.count());
    if (i % 2 == 0) {
      keys[0] = std::nanf("");
    }
    const auto make = [&](std::byte* out) -> StoreKv {
      return {{DType::int8, out, cache},
              {DType::int8, out + cache_bytes, cache},
              view_of(keys, rows),
              view_of(values, rows),
              2};
    };
    const Output blank(2 * cache_bytes);
    ASSERT_TRUE(same_bits_on_every_isa<StoreKv>(&KernelTable::store_kv, blank, make));
    Output out = blank;
    kernels::reference_kernels().store_kv(make(out.data()), {0, 1});
    std::vector<float> row(static_cast<std::size_t>(head_dim));
    for (std::int64_t t = 0; t < n_tokens; ++t) {
      for (std::int64_t h = 0; h < n_heads; ++h) {
        const std::int64_t first = (h * cache[1] + t + 2) * head_dim;
        dequantize(DType::int8, out.data() + cache_bytes + bytes_of(DType::int8, first), row);
        std::vector<float> expected(row.size());
        std::vector<std::byte> blocks(bytes_of(DType::int8, head_dim));
        const std::span given(values.data() + (t * n_heads + h) * head_dim, row.size());
        quantize(DType::int8, given, blocks.data());
        dequantize(DType::int8, blocks.data(), expected);
        ASSERT_EQ(row, expected);
      }
    }
    dequantize(DType::int8, out.data() + bytes_of(DType::int8, 2 * head_dim), row);
    EXPECT_EQ(std::isnan(row[1]), i % 2 == 0) << "a NaN must show in its whole block, and only there";
  }
}

}  // namespace
}  // namespace reprise::engine::testing
