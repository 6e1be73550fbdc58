#include "engine/core/tensor_view.h"

#include <gtest/gtest.h>

#include <array>
#include <type_traits>

namespace reprise::engine {
namespace {

TEST(Shape, RankCountAndEquality) {
  const Shape scalar;
  EXPECT_EQ(scalar.rank(), 0U);
  EXPECT_EQ(scalar.count(), 1);
  const Shape shape = {2, 3, 4};
  EXPECT_EQ(shape.rank(), 3U);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[2], 4);
  EXPECT_EQ(shape.count(), 24);
  EXPECT_EQ((Shape{2, 0, 4}.count()), 0);
  EXPECT_TRUE(shape == (Shape{2, 3, 4}));
  EXPECT_FALSE(shape == (Shape{2, 3, 5}));
  EXPECT_FALSE(shape == (Shape{2, 3}));
  EXPECT_FALSE((Shape{2, 3}) == (Shape{2, 3, 1}));
}

TEST(ShapeDeathTest, RefusesNegativeExtentsAndHighRank) {
  EXPECT_DEATH((Shape{2, -1}), "check failed: extent >= 0");
  EXPECT_DEATH((Shape{1, 1, 1, 1, 1}), "check failed: extents.size\\(\\) <= kMaxRank");
}

TEST(TensorView, RowsStrideOverAllInnerAxes) {
  std::array<float, 24> data{};
  const TensorView<float> view(data.data(), {2, 3, 4});
  EXPECT_EQ(view.row(0), data.data());
  EXPECT_EQ(view.row(1), data.data() + 12);
  EXPECT_EQ(view.extent(1), 3);
  EXPECT_EQ(view.count(), 24);
  const TensorView<float> flat(data.data(), {24});
  EXPECT_EQ(flat.row(5), data.data() + 5);
}

TEST(TensorView, ReshapedKeepsTheData) {
  std::array<float, 24> data{};
  const TensorView<float> view = TensorView<float>(data.data(), {2, 3, 4}).reshaped({6, 4});
  EXPECT_EQ(view.row(5), data.data() + 20);
  EXPECT_TRUE(view.shape() == (Shape{6, 4}));
}

TEST(TensorViewDeathTest, ReshapedRefusesAnotherCount) {
  std::array<float, 24> data{};
  const TensorView<float> view(data.data(), {2, 3, 4});
  EXPECT_DEATH(static_cast<void>(view.reshaped({5, 4})),
               "check failed: shape.count\\(\\) == shape_.count\\(\\)");
}

TEST(TensorView, EmptyMeansNoMemory) {
  EXPECT_TRUE(TensorView<float>().empty());
  EXPECT_TRUE(AnyTensorView().empty());
  float x = 0;
  EXPECT_FALSE(TensorView<float>(&x, {1}).empty());
}

TEST(TensorView, BecomesConstantButNotBack) {
  static_assert(std::is_convertible_v<TensorView<float>, TensorView<const float>>);
  static_assert(!std::is_convertible_v<TensorView<const float>, TensorView<float>>);
  static_assert(!std::is_convertible_v<TensorView<float>, TensorView<const F16>>);
  static_assert(std::is_convertible_v<MutableAnyTensorView, AnyTensorView>);
  static_assert(!std::is_convertible_v<AnyTensorView, MutableAnyTensorView>);
  std::array<float, 6> data{};
  const TensorView<const float> view = TensorView<float>(data.data(), {2, 3});
  EXPECT_EQ(view.data(), data.data());
  EXPECT_TRUE(view.shape() == (Shape{2, 3}));
}

TEST(AnyTensorView, CarriesItsTypeAndSize) {
  alignas(8) std::array<std::byte, 12> data{};
  const MutableAnyTensorView view(DType::bf16, data.data(), {2, 3});
  EXPECT_EQ(view.dtype(), DType::bf16);
  EXPECT_EQ(view.size_bytes(), 12U);
  *view.as<Bf16>().row(1) = to_bf16(1.0F);
  const AnyTensorView constant = view;
  EXPECT_EQ(to_f32(constant.as<Bf16>().data()[3]), 1.0F);
  static_assert(std::is_same_v<decltype(constant.as<Bf16>()), TensorView<const Bf16>>);
}

TEST(AnyTensorViewDeathTest, RefusesAnotherType) {
  std::array<std::byte, 12> data{};
  const AnyTensorView view(DType::bf16, data.data(), {2, 3});
  EXPECT_DEATH(static_cast<void>(view.as<F16>()), "check failed: kDTypeOf<T> == dtype_");
}

}  // namespace
}  // namespace reprise::engine
