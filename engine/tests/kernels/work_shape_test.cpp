// Shapes of operations, against their documentation: no two extents of an operand are equal, so that none
// can stand for another.
#include "engine/kernels/work_shape.h"

#include <gtest/gtest.h>

#include <array>

namespace reprise::engine {
namespace {

/// Memory that stands behind every view; only shapes are looked at.
std::array<float, 1024> memory = {};

TensorView<float> f32(Shape shape) {
  return {memory.data(), shape};
}
MutableAnyTensorView any(DType dtype, Shape shape) {
  return {dtype, reinterpret_cast<std::byte*>(memory.data()), shape};
}

/// Of an operation that a backend would accept.
template <class Op>
void expect_shape(const Op& op, std::int64_t rows, std::int64_t columns, std::int64_t terms) {
  check(op);
  const WorkShape shape = shape_of(&op);
  EXPECT_EQ(shape.rows, rows);
  EXPECT_EQ(shape.columns, columns);
  EXPECT_EQ(shape.terms, terms);
}

TEST(WorkShape, OfAProductIsItsResultAndTheInputsOfAnElement) {
  expect_shape(Linear{f32({3, 4}), f32({3, 5}), any(DType::bf16, {4, 5}), {}, {}}, 3, 4, 5);
  expect_shape(Linear{f32({3, 4}), f32({3, 5}), any(DType::f32, {4, 5}), f32({4}), f32({3, 4})}, 3, 4, 5);
}

/// Inputs are counted, not blocks of them.
TEST(WorkShape, OfAProductInBlocksIsThatOfItsElements) {
  std::array<std::int8_t, 3 * 64> values = {};
  const QuantizedRows blocks = {{values.data(), {3, 64}}, f32({3, 2})};
  expect_shape(Linear{f32({3, 4}), f32({3, 64}), any(DType::int8, {4, 64}), {}, {}, blocks}, 3, 4, 64);
}

/// The last of its tokens sees what was there before them, and all of them.
TEST(WorkShape, OfAttentionHasTheLastTokensPositionsAsTerms) {
  const auto attention = [](std::int64_t n_tokens, std::int64_t first_position) {
    const Shape queries = {n_tokens, 4, 8};
    const MutableAnyTensorView cache = any(DType::f16, {2, 10, 8});
    return Attention{f32(queries), f32(queries), cache, cache, first_position, 0.5F};
  };
  expect_shape(attention(3, 5), 3, 4 * 8, 5 + 3);
  expect_shape(attention(1, 5), 1, 4 * 8, 5 + 1);
  expect_shape(attention(3, 0), 3, 4 * 8, 3);
}

TEST(WorkShape, OfHeadsIsARowAToken) {
  expect_shape(Rope{f32({2, 3, 4}), f32({9, 2}), f32({9, 2}), 5, RotaryLayout::half}, 2, 3 * 4, 0);
  expect_shape(
      StoreKv{any(DType::f16, {3, 9, 4}), any(DType::f16, {3, 9, 4}), f32({2, 3, 4}), f32({2, 3, 4}), 5}, 2,
      3 * 4, 0);
}

TEST(WorkShape, OfEmbeddingIsARowAToken) {
  const std::array<TokenId, 3> tokens = {6, 0, 1};
  expect_shape(Embed{f32({3, 5}), any(DType::f16, {7, 5}), tokens, {}, 0}, 3, 5, 0);
  expect_shape(Embed{f32({3, 5}), any(DType::f16, {7, 5}), tokens, any(DType::f16, {9, 5}), 6}, 3, 5, 0);
}

TEST(WorkShape, OfQuantizingIsThatOfTheActivations) {
  std::array<std::int8_t, 3 * 64> values = {};
  expect_shape(Quantize{{{values.data(), {3, 64}}, f32({3, 2})}, f32({3, 64})}, 3, 64, 0);
}

/// Sums within a row are no product: a norm has no terms.
TEST(WorkShape, OfNormsIsTheirResult) {
  expect_shape(RmsNorm{f32({2, 6}), f32({2, 6}), f32({6}), 1e-6F}, 2, 6, 0);
  expect_shape(RmsNorm{f32({2 * 3, 8}), f32({2 * 3, 8}), {}, 1e-6F}, 2 * 3, 8, 0);  // of each of 3 heads
  expect_shape(LayerNorm{f32({2, 6}), f32({2, 6}), f32({6}), f32({6}), 1e-5F}, 2, 6, 0);
}

TEST(WorkShape, OfActivationFunctionsIsTheirResult) {
  expect_shape(SwiGlu{f32({2, 7}), f32({2, 7}), f32({2, 7})}, 2, 7, 0);
  expect_shape(Gelu{f32({3, 7}), f32({3, 7})}, 3, 7, 0);
  expect_shape(Relu{f32({4, 7}), f32({4, 7})}, 4, 7, 0);
}

TEST(WorkShape, OfNothingIsZeros) {
  EXPECT_EQ(WorkShape(), (WorkShape{0, 0, 0}));
}

}  // namespace
}  // namespace reprise::engine
