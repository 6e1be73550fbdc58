// `--numerics fast`: how far products by bf16 dot products may be from exact ones, and what stays exact.
// Skipped where the build has no oneDNN or the processor no such instructions.
#include <gtest/gtest.h>

#include <limits>

#include "engine/core/error.h"
#include "engine/kernels/cost.h"
#include "engine/kernels/fast/fast_kernels.h"
#include "engine/tests/kernels/error_bounds.h"
#include "engine/tests/kernels/random_tensors.h"
#include "engine/tests/kernels/same_bits.h"
#include "engine/tests/support/error_of.h"

namespace reprise::engine::testing {
namespace {

using reprise::testing::error_of;

/// Relative error of a value rounded to the 8 bits of bf16, to nearest.
constexpr double kBf16Unit = 0x1p-8;

/// Operands of one product with bias, and with a residual that its output starts as.
struct Operands {
  Operands(std::uint64_t seed, DType dtype, std::int64_t n_tokens, std::int64_t n_in, std::int64_t n_out)
      : random(seed),
        x_shape({n_tokens, n_in}),
        out_shape({n_tokens, n_out}),
        x(random_values(random, x_shape.count())),
        weight(Tensor::random(random, dtype, {n_out, n_in})),
        bias(random_values(random, n_out)),
        residual(random_values(random, out_shape.count())) {}

  /// In place: the residual is what `out` holds.
  [[nodiscard]] Linear op(Output& out) const {
    const TensorView<float> in_place = floats_at(out.data(), out_shape);
    return {in_place, view_of(x, x_shape), weight.view(), optional_view(bias, true), in_place};
  }
  [[nodiscard]] Output run(const KernelTable& table, int n_slices, bool backwards = false) const {
    Output out{std::span<const float>(residual)};
    run_slices<Linear>(table, &KernelTable::linear, op(out), n_slices, backwards);
    return out;
  }

  Random random;
  Shape x_shape;
  Shape out_shape;
  std::vector<float> x;
  Tensor weight;
  std::vector<float> bias;
  std::vector<float> residual;
};

class FastKernels : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kernels::fast_kernels_available()) {
      GTEST_SKIP() << "no bf16 dot products here";
    }
    fast_ = &kernels::fast_kernels(exact_);
  }

  const KernelTable& exact_ = kernels::cpu_kernels("auto");
  const KernelTable* fast_ = nullptr;
};

void expect_accurate(const Operands& operands, Output found, DType dtype) {
  const std::int64_t n_in = operands.x_shape[1];
  const std::int64_t n_out = operands.out_shape[1];
  // Activations are rounded, and f16 weights; a sum of n_in exact products in any order; bias and residual.
  const double products = (dtype == DType::f16 ? 2 : 1) * kBf16Unit + static_cast<double>(n_in) * kUnit;
  ASSERT_TRUE(found.guards_intact());
  for (std::int64_t i = 0; i < operands.out_shape.count(); ++i) {
    const auto bias = static_cast<double>(operands.bias[static_cast<std::size_t>(i % n_out)]);
    const auto residual = static_cast<double>(operands.residual[static_cast<std::size_t>(i)]);
    double exact = bias + residual;
    double magnitude = 0;
    for (std::int64_t k = 0; k < n_in; ++k) {
      const double product = operands.weight.at(i % n_out * n_in + k) *
                             static_cast<double>(operands.x[static_cast<std::size_t>(i / n_out * n_in + k)]);
      exact += product;
      magnitude += std::fabs(product);
    }
    const double added = std::fabs(bias) + std::fabs(residual);
    ASSERT_TRUE(within(found.floats()[i], exact, products * magnitude + 2 * kUnit * (magnitude + added)))
        << "element " << i << " of " << n_in << " x " << n_out;
  }
}

TEST_F(FastKernels, ProductsAreAccurateToBf16) {
  std::uint64_t seed = 0;
  for (const DType dtype : {DType::bf16, DType::f16}) {
    for (const std::int64_t n_in : {1, 17, 100, 1024}) {
      for (const std::int64_t n_out : {1, 63, 64, 200}) {
        const Operands operands(++seed, dtype, 17, n_in, n_out);
        expect_accurate(operands, operands.run(*fast_, 2), dtype);
      }
    }
    for (const std::int64_t n_tokens : {16, 100, 257, 530}) {
      const Operands operands(++seed, dtype, n_tokens, 40, 70);
      expect_accurate(operands, operands.run(*fast_, 1), dtype);
    }
  }
}

TEST_F(FastKernels, ARunRepeatsItsBitsInAnyNumberOfSlices) {
  for (const DType dtype : {DType::bf16, DType::f16}) {
    const Operands operands(7, dtype, 270, 96, 300);
    const Output first = operands.run(*fast_, 1);
    for (int n_slices = 1; n_slices <= 7; ++n_slices) {
      EXPECT_EQ(operands.run(*fast_, n_slices, n_slices % 2 == 0), first) << n_slices << " slices";
    }
  }
}

TEST_F(FastKernels, FewTokensAndOtherWeightsHaveTheExactBits) {
  for (const auto& [dtype, n_tokens] : {std::pair{DType::bf16, std::int64_t{1}},
                                        {DType::f16, std::int64_t{1}},
                                        {DType::bf16, kernels::kDotTokens - 1},
                                        {DType::f32, std::int64_t{100}}}) {
    const Operands operands(3, dtype, n_tokens, 96, 80);
    EXPECT_EQ(operands.run(*fast_, 2), operands.run(exact_, 2))
        << name_of(dtype) << ", " << n_tokens << " tokens";
  }
  EXPECT_EQ(fast_->linear_blocks, exact_.linear_blocks);
  EXPECT_EQ(fast_->attention, exact_.attention);
  EXPECT_EQ(fast_->isa, exact_.isa);
}

TEST_F(FastKernels, ManyTokensAreRoundedToBf16) {
  const Operands operands(4, DType::bf16, kernels::kDotTokens, 96, 80);
  EXPECT_FALSE(operands.run(*fast_, 1) == operands.run(exact_, 1));
}

TEST_F(FastKernels, CostsNameTheArithmetic) {
  const auto arithmetic = [&](const KernelTable& table, DType dtype, std::int64_t n_tokens) {
    const Operands operands(5, dtype, n_tokens, 32, 8);
    Output out{std::span<const float>(operands.residual)};
    return cost_on(table, operands.op(out)).arithmetic;
  };
  EXPECT_EQ(arithmetic(*fast_, DType::bf16, kernels::kDotTokens), Arithmetic::bf16_dot);
  EXPECT_EQ(arithmetic(*fast_, DType::f16, kernels::kDotTokens), Arithmetic::bf16_dot);
  EXPECT_EQ(arithmetic(*fast_, DType::bf16, kernels::kDotTokens - 1), Arithmetic::f32);
  EXPECT_EQ(arithmetic(*fast_, DType::f32, 100), Arithmetic::f32);
  EXPECT_EQ(arithmetic(exact_, DType::bf16, 100), Arithmetic::f32);
}

TEST_F(FastKernels, ANaNShowsInItsTokenAlone) {
  Operands operands(6, DType::bf16, 20, 64, 70);
  operands.x[64 * 3 + 5] = std::numeric_limits<float>::quiet_NaN();
  Output out = operands.run(*fast_, 1);
  EXPECT_TRUE(std::isnan(out.floats()[3 * 70 + 69]));
  EXPECT_FALSE(std::isnan(out.floats()[4 * 70]));
}

TEST(FastKernelsRefusal, NarrowInstructionSetsHaveNone) {
  for (const std::string_view isa : kernels::available_isas()) {
    if (isa == "scalar" || isa == "avx2") {
      EXPECT_EQ(error_of([&] { kernels::fast_kernels(kernels::cpu_kernels(isa)); }).code(),
                ErrorCode::unsupported);
    }
  }
}

}  // namespace
}  // namespace reprise::engine::testing
