// The cost model, against counts made by hand.
#include "engine/kernels/cost.h"

#include <gtest/gtest.h>

#include <array>

namespace reprise::engine {
namespace {

/// Memory that stands behind every view; the cost model looks at shapes alone.
std::array<float, 1024> memory = {};

TensorView<float> f32(Shape shape) {
  return {memory.data(), shape};
}
MutableAnyTensorView any(DType dtype, Shape shape) {
  return {dtype, reinterpret_cast<std::byte*>(memory.data()), shape};
}

void expect_cost(const Cost& cost, std::int64_t bytes, std::int64_t flops) {
  EXPECT_EQ(cost.bytes, bytes);
  EXPECT_EQ(cost.flops, flops);
}

TEST(Cost, Embed) {
  const std::array<TokenId, 3> tokens = {};
  Embed op = {f32({3, 5}), any(DType::f16, {7, 5}), tokens, {}, 0};
  expect_cost(cost_of(op), 15 * 2 + 15 * 4, 0);  // rows read, rows written
  op.positions = any(DType::bf16, {9, 5});
  expect_cost(cost_of(op), 15 * 2 + 15 * 2 + 15 * 4, 15);
}

TEST(Cost, RmsNorm) {
  RmsNorm op = {f32({2, 6}), f32({2, 6}), {}, 1e-6F};
  // An element: fused multiply-add into the sum, product with the scale. A row: division, eps, root,
  // reciprocal.
  expect_cost(cost_of(op), 2 * 12 * 4, 12 * 3 + 2 * 4);
  op.weight = f32({6});
  expect_cost(cost_of(op), (2 * 12 + 6) * 4, 12 * 4 + 2 * 4);
}

TEST(Cost, LayerNorm) {
  // An element: sum, centring, fused square, product, fused weight and bias. A row: two divisions, eps, root,
  // reciprocal.
  expect_cost(cost_of(LayerNorm{f32({2, 6}), f32({2, 6}), f32({6}), f32({6}), 1e-5F}), (2 * 12 + 2 * 6) * 4,
              12 * (1 + 1 + 2 + 1 + 2) + 2 * 5);
}

TEST(Cost, Linear) {
  Linear op = {f32({3, 4}), f32({3, 5}), any(DType::bf16, {4, 5}), {}, {}};
  expect_cost(cost_of(op), 20 * 2 + (15 + 12) * 4, 3 * 20 * 2);
  op.bias = f32({4});
  op.residual = f32({3, 4});
  expect_cost(cost_of(op), 20 * 2 + (15 + 12 + 4 + 12) * 4, 3 * 20 * 2 + 12 + 12);
}

TEST(Cost, Blocks) {
  // 34 bytes a block of weights, and for activations a byte an element and four a block.
  expect_cost(cost_of(Linear{f32({3, 4}), f32({3, 64}), any(DType::int8, {4, 64}), {}, {}}),
              4 * 2 * 34 + 3 * (64 + 2 * 4) + 12 * 4, 3 * 256 * 2);
  expect_cost(cost_of(Quantize{{}, f32({3, 64})}), 3 * (64 * 4 + 64 + 2 * 4), 3 * (3 * 64 + 2 * 2));
  expect_cost(cost_of(StoreKv{any(DType::int8, {3, 9, 32}), any(DType::int8, {3, 9, 32}), f32({2, 3, 32}),
                              f32({2, 3, 32}), 1}),
              2 * (192 * 4 + 6 * 34), 0);
}

TEST(Cost, MatricesInBlocksAreIntegerProductsAndAllElseSinglePrecision) {
  const auto linear = [](DType dtype) {
    return cost_of(Linear{f32({3, 4}), f32({3, 64}), any(dtype, {4, 64}), {}, {}}).arithmetic;
  };
  EXPECT_EQ(linear(DType::int8), Arithmetic::int8_dot);
  EXPECT_EQ(linear(DType::int4), Arithmetic::int8_dot);
  EXPECT_EQ(linear(DType::bf16), Arithmetic::f32);
  EXPECT_EQ(linear(DType::f16), Arithmetic::f32);
  EXPECT_EQ(linear(DType::f32), Arithmetic::f32);
  EXPECT_EQ(cost_of(Quantize{{}, f32({3, 64})}).arithmetic, Arithmetic::f32);
}

TEST(Cost, Rope) {
  // 24 elements read and written; two rows of two cosines and two sines; a product and a fused one an
  // element.
  expect_cost(cost_of(Rope{f32({2, 3, 4}), f32({9, 2}), f32({9, 2}), 1, RotaryLayout::half}),
              (24 + 24 + 2 * 2 * 2) * 4, 24 * 3);
}

TEST(Cost, StoreKv) {
  expect_cost(cost_of(StoreKv{any(DType::f16, {3, 9, 4}), any(DType::f16, {3, 9, 4}), f32({2, 3, 4}),
                              f32({2, 3, 4}), 1}),
              2 * 24 * (4 + 2), 0);
}

TEST(Cost, Attention) {
  const Attention op = {f32({2, 4, 8}),
                        f32({2, 4, 8}),
                        any(DType::f16, {2, 10, 8}),
                        any(DType::f16, {2, 10, 8}),
                        3,
                        0.5F};
  // Both caches up to position 4: 2 heads x 5 rows x 8. Token 0 sees 4 positions, token 1 sees 5.
  const std::int64_t bytes = 2 * (2 * 5 * 8) * 2 + 2 * 64 * 4;
  // A seen position and head: two fused products of 8, scale, subtraction, exponential, sum. A token and
  // head: reciprocal, 8 products with it.
  const std::int64_t flops = 4 * ((4 + 5) * (2 * 2 * 8 + 4) + 2 * (1 + 8));
  expect_cost(cost_of(op), bytes, flops);
}

TEST(Cost, Activations) {
  // Negation, exponential, sum, division, product.
  expect_cost(cost_of(SwiGlu{f32({2, 3}), f32({2, 3}), f32({2, 3})}), 3 * 6 * 4, 6 * 5);
  // Cube, fused product, product, negation, exponential, sum, division.
  expect_cost(cost_of(Gelu{f32({2, 3}), f32({2, 3})}), 2 * 6 * 4, 6 * (2 + 2 + 1 + 1 + 1 + 1 + 1));
  expect_cost(cost_of(Relu{f32({2, 3}), f32({2, 3})}), 2 * 6 * 4, 6);
}

}  // namespace
}  // namespace reprise::engine
