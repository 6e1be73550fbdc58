// Matrix products: accuracy of the reference, and the same bits on every instruction set.
#include <gtest/gtest.h>

#include "engine/tests/kernels/error_bounds.h"
#include "engine/tests/kernels/random_tensors.h"
#include "engine/tests/kernels/same_bits.h"

namespace reprise::engine::testing {
namespace {

struct LinearCase {
  std::int64_t n_tokens;
  std::int64_t n_in;
  std::int64_t n_out;
  DType dtype = DType::f32;
  bool bias = false;
  bool residual = false;
  Values values = Values::plain;
};

/// Operands of one case; the output is the caller's.
struct LinearOperands {
  LinearOperands(Random& random, const LinearCase& c)
      : shape(c),
        x(random_values(random, c.n_tokens * c.n_in, c.values)),
        weight(Tensor::random(random, c.dtype, {c.n_out, c.n_in}, c.values)),
        bias(random_values(random, c.n_out, c.values)),
        residual(random_values(random, c.n_tokens * c.n_out, c.values)) {}

  [[nodiscard]] Linear op(std::byte* out) const {
    const Shape out_shape = {shape.n_tokens, shape.n_out};
    Linear op = {floats_at(out, out_shape),
                 view_of(x, {shape.n_tokens, shape.n_in}),
                 weight.view(),
                 optional_view(bias, shape.bias),
                 {}};
    if (shape.residual) {
      op.residual = view_of(residual, out_shape);
    }
    return op;
  }

  LinearCase shape;
  std::vector<float> x;
  Tensor weight;
  std::vector<float> bias;
  std::vector<float> residual;
};

TEST(Linear, ReferenceIsAccurate) {
  Random random(1);
  for (const std::int64_t n_in : {1, 15, 16, 17, 33, 100, 1024, 3072}) {
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
      for (const bool extras : {false, true}) {
        const LinearCase c = {3, n_in, 5, dtype, extras, extras};
        const LinearOperands operands(random, c);
        Output out = Output::of_floats(c.n_tokens * c.n_out);
        run_slice(kernels::reference_kernels(), &KernelTable::linear, operands.op(out.data()), 0, 1);
        for (std::int64_t i = 0; i < c.n_tokens * c.n_out; ++i) {
          const std::int64_t t = i / c.n_out;
          const std::int64_t o = i % c.n_out;
          double exact = extras ? static_cast<double>(operands.bias[static_cast<std::size_t>(o)]) +
                                      operands.residual[static_cast<std::size_t>(i)]
                                : 0;
          double magnitude = 0;
          for (std::int64_t k = 0; k < n_in; ++k) {
            const double product =
                operands.weight.at(o * n_in + k) * operands.x[static_cast<std::size_t>(t * n_in + k)];
            exact += product;
            magnitude += std::fabs(product);
          }
          // A chain sum, then one rounding each for bias and residual, of sums no larger than all magnitudes.
          const double added = extras ? std::fabs(operands.bias[static_cast<std::size_t>(o)]) +
                                            std::fabs(operands.residual[static_cast<std::size_t>(i)])
                                      : 0;
          const double bound = chain_error(n_in) * magnitude + (extras ? 2 * kUnit * (magnitude + added) : 0);
          ASSERT_TRUE(within(out.floats()[i], exact, bound))
              << "n_in " << n_in << ", " << name_of(dtype) << ", extras " << extras << ", element " << i;
        }
      }
    }
  }
}

// Shapes around every edge: tiles of rows and tokens, the 64-token block, cache lines, 16 lanes.
TEST(Linear, SameBitsOnEveryIsaForRandomShapes) {
  record_isas();
  Random random(2);
  for (int i = 0; i < 400; ++i) {
    const LinearCase c = {
        .n_tokens = random.one_of<std::int64_t>({1, 1, random.integer(2, 14), 17, random.integer(60, 70)}),
        .n_in = random.one_of<std::int64_t>({random.integer(1, 40), random.integer(1, 130), 256}),
        .n_out = random.one_of({random.integer(1, 37), random.integer(60, 140)}),
        .dtype = random.float_dtype(),
        .bias = random.coin(),
        .residual = random.coin(),
        .values = random.one_of({Values::plain, Values::awkward})};
    const LinearOperands operands(random, c);
    ASSERT_TRUE(writes_same_floats_on_every_isa<Linear>(&KernelTable::linear, c.n_tokens * c.n_out,
                                                        [&](std::byte* out) { return operands.op(out); }))
        << "case " << i << ": n_tokens " << c.n_tokens << ", n_in " << c.n_in << ", n_out " << c.n_out << ", "
        << name_of(c.dtype) << ", bias " << c.bias << ", residual " << c.residual;
  }
}

TEST(Linear, MayAddToItsOwnResidual) {
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    LinearCase c = {random.integer(1, 9), random.integer(1, 70), random.integer(1, 37), random.float_dtype()};
    c.residual = true;
    const LinearOperands operands(random, c);
    const auto in_place = [&](std::byte* out) {
      Linear op = operands.op(out);
      op.residual = op.out;
      return op;
    };
    const Output blank{std::span<const float>(operands.residual)};
    ASSERT_TRUE(same_bits_on_every_isa<Linear>(&KernelTable::linear, blank, in_place)) << "case " << i;
    Output apart = Output::of_floats(c.n_tokens * c.n_out);
    Output together = blank;
    run_slice(kernels::reference_kernels(), &KernelTable::linear, operands.op(apart.data()), 0, 1);
    run_slice(kernels::reference_kernels(), &KernelTable::linear, in_place(together.data()), 0, 1);
    ASSERT_EQ(apart, together) << "case " << i;
  }
}

// What makes chunks and batches free of consequences: a token's row is the same alone and among others.
TEST(Linear, ARowDependsOnItsTokenAlone) {
  Random random(4);
  const LinearCase c = {70, 200, 19, DType::bf16, true, true};
  const LinearOperands operands(random, c);
  for (const std::string_view isa : kernels::available_isas()) {
    Output together = Output::of_floats(c.n_tokens * c.n_out);
    run_slice(kernels::cpu_kernels(isa), &KernelTable::linear, operands.op(together.data()), 0, 1);
    Output alone = Output::of_floats(c.n_tokens * c.n_out);
    for (std::int64_t t = 0; t < c.n_tokens; ++t) {
      const Linear all = operands.op(alone.data());
      run_slice(kernels::cpu_kernels(isa), &KernelTable::linear,
                {{all.out.row(t), {1, c.n_out}},
                 {all.x.row(t), {1, c.n_in}},
                 all.weight,
                 all.bias,
                 {all.residual.row(t), {1, c.n_out}}},
                0, 1);
    }
    ASSERT_EQ(alone, together) << isa;
  }
}

// More tokens than are packed at a time, and more panels than are.
TEST(Linear, SameBitsOnEveryIsaForManyTokensAndPanels) {
  Random random(5);
  for (const LinearCase& c : {LinearCase{1100, 33, 17}, LinearCase{13, 2300, 200, DType::bf16, true, true}}) {
    const LinearOperands operands(random, c);
    ASSERT_TRUE(writes_same_floats_on_every_isa<Linear>(&KernelTable::linear, c.n_tokens * c.n_out,
                                                        [&](std::byte* out) { return operands.op(out); }));
  }
}

}  // namespace
}  // namespace reprise::engine::testing
