// Which operations share a launch on a GPU, and which must not.
#include "engine/kernels/hip/program.h"

#include <gmock/gmock.h>

#include <deque>

namespace reprise::engine::kernels {
namespace {

/// Operands in memory of their own.
class Operands {
 public:
  TensorView<float> floats(Shape shape) {
    return {memory_.emplace_back(static_cast<std::size_t>(shape.count())).data(), shape};
  }
  AnyTensorView matrix(std::int64_t n_out, std::int64_t n_in, DType dtype = DType::f32) {
    return {dtype, reinterpret_cast<const std::byte*>(floats({n_out, n_in}).data()), {n_out, n_in}};
  }
  MutableAnyTensorView cache(std::int64_t n_heads, std::int64_t head_dim) {
    return {DType::f32,
            reinterpret_cast<std::byte*>(floats({n_heads, 8, head_dim}).data()),
            {n_heads, 8, head_dim}};
  }
  RmsNorm norm(TensorView<const float> x) { return {floats(x.shape()), x, floats({x.extent(1)}), 1e-6F}; }
  Linear linear(TensorView<const float> x, std::int64_t n_out, DType dtype = DType::f32) {
    return {floats({x.extent(0), n_out}), x, matrix(n_out, x.extent(1), dtype), {}, {}};
  }

 private:
  std::deque<std::vector<float>> memory_;
};

/// Lengths of the launches.
std::vector<std::size_t> lengths(const std::vector<Operation>& operations) {
  std::vector<std::size_t> found;
  std::size_t next = 0;
  const Program program(operations, 0);
  for (const Group& group : program.groups()) {
    EXPECT_EQ(group.first, next) << "a gap, or the order was changed";
    EXPECT_EQ(group.fusion == Fusion::none, group.count == 1);
    next += group.count;
    found.push_back(group.count);
  }
  EXPECT_EQ(next, operations.size());
  return found;
}
using ::testing::ElementsAre;

TEST(Program, ANormSharesALaunchWithTheMatricesThatMultiplyIt) {
  Operands with;
  const RmsNorm norm = with.norm(with.floats({1, 64}));
  const Linear q = with.linear(norm.out, 64);
  const Linear k = with.linear(norm.out, 32);
  const Linear v = with.linear(norm.out, 32);
  EXPECT_THAT(lengths({norm, q, k, v}), ElementsAre(4));
  EXPECT_THAT(lengths({norm, q, k, v, v}), ElementsAre(4, 1)) << "three products at most";
  EXPECT_THAT(lengths({q, k, v}), ElementsAre(3));
  EXPECT_THAT(lengths({norm}), ElementsAre(1));
  EXPECT_THAT(lengths({q}), ElementsAre(1));
}

TEST(Program, ActivationFunctionsShareALaunchWithWhatTheyAreOf) {
  Operands with;
  const RmsNorm norm = with.norm(with.floats({1, 64}));
  const Linear up = with.linear(norm.out, 96);
  const Linear gate = with.linear(norm.out, 96);
  EXPECT_THAT(lengths({norm, up, gate, SwiGlu{up.out, gate.out, up.out}}), ElementsAre(4));
  EXPECT_THAT(lengths({norm, gate, up, SwiGlu{up.out, gate.out, up.out}}), ElementsAre(3, 1))
      << "gate after up";
  EXPECT_THAT(lengths({up, Gelu{up.out, up.out}}), ElementsAre(2));
  EXPECT_THAT(lengths({norm, up, Relu{up.out, up.out}}), ElementsAre(3));
  EXPECT_THAT(lengths({norm, up, gate, Relu{up.out, up.out}}), ElementsAre(3, 1));
  EXPECT_THAT(lengths({up, Gelu{with.floats({1, 96}), up.out}}), ElementsAre(1, 1)) << "not in place";
}

TEST(Program, ManyTokensAreNotNormalisedByEveryBlock) {
  Operands with;
  const RmsNorm norm = with.norm(with.floats({2, 64}));
  const Linear q = with.linear(norm.out, 64);
  EXPECT_THAT(lengths({norm, q, with.linear(norm.out, 32)}), ElementsAre(1, 1, 1));
}

TEST(Program, ARowThatExceedsSharedMemoryIsNormalisedAlone) {
  Operands with;
  const RmsNorm fits = with.norm(with.floats({1, kMaxFusedRow}));
  EXPECT_THAT(lengths({fits, with.linear(fits.out, 1)}), ElementsAre(2));
  const RmsNorm exceeds = with.norm(with.floats({1, kMaxFusedRow + 1}));
  EXPECT_THAT(lengths({exceeds, with.linear(exceeds.out, 1)}), ElementsAre(1, 1));
}

TEST(Program, WhatOneBlockReadsNoOtherWrites) {
  Operands with;
  const TensorView<float> x = with.floats({1, 64});
  const RmsNorm in_place = {x, x, {}, 1e-6F};
  EXPECT_THAT(lengths({in_place, with.linear(x, 64)}), ElementsAre(1, 1));

  const RmsNorm norm = with.norm(x);
  Linear onto_x = with.linear(norm.out, 64);
  onto_x.out = x;
  onto_x.residual = x;
  EXPECT_THAT(lengths({norm, onto_x}), ElementsAre(1, 1));

  Linear adds_normed = with.linear(norm.out, 64);
  adds_normed.residual = norm.out;
  EXPECT_THAT(lengths({norm, adds_normed}), ElementsAre(1, 1));

  const Linear first = with.linear(norm.out, 64);
  Linear adds = with.linear(norm.out, 64);
  adds.residual = first.out;
  EXPECT_THAT(lengths({first, adds}), ElementsAre(1, 1));
  EXPECT_THAT(lengths({first, with.linear(first.out, 64)}), ElementsAre(1, 1)) << "one is the other's input";
  EXPECT_THAT(lengths({first, with.linear(norm.out, 64, DType::bf16)}), ElementsAre(1, 1));
}

TEST(Program, MatricesInBlocksShareALaunchAfterANormIntoBlocks) {
  Operands with;
  const RmsNorm norm = with.norm(with.floats({1, 64}));
  std::vector<std::int8_t> values(64);
  const MutableQuantizedRows blocks = {{values.data(), {1, 64}}, with.floats({1, 2})};
  const auto product = [&] {
    Linear op = with.linear(norm.out, 64, DType::int8);
    op.x_blocks = {blocks.values, blocks.scales};
    return op;
  };
  EXPECT_THAT(lengths({norm, Quantize{blocks, norm.out}, product(), product(), product()}),
              ElementsAre(2, 3));
  EXPECT_THAT(lengths({norm, product()}), ElementsAre(1, 1));
}

TEST(Program, HeadsAreNormalisedRotatedAndStoredInOneLaunch) {
  Operands with;
  const TensorView<float> q = with.floats({3, 4, 16});
  const TensorView<float> k = with.floats({3, 2, 16});
  const TensorView<float> v = with.floats({3, 2, 16});
  const TensorView<float> angles = with.floats({8, 8});
  const Rope rope_q = {q, angles, angles, 0, RotaryLayout::half};
  Rope rope_k = {k, angles, angles, 0, RotaryLayout::half};
  const StoreKv store = {with.cache(2, 16), with.cache(2, 16), k, v, 0};
  const auto norm_of = [&](const TensorView<float>& x) {
    const TensorView<float> rows = x.reshaped({x.count() / 16, 16});
    return RmsNorm{rows, rows, with.floats({16}), 1e-6F};
  };
  EXPECT_THAT(lengths({norm_of(q), norm_of(k), rope_q, rope_k, store}), ElementsAre(5));
  EXPECT_THAT(lengths({rope_q, rope_k, store}), ElementsAre(3));
  EXPECT_THAT(lengths({norm_of(k), norm_of(q), rope_q, rope_k, store}), ElementsAre(1, 1, 3));
  EXPECT_THAT(lengths({rope_q, rope_k}), ElementsAre(1, 1));
  rope_k.layout = RotaryLayout::interleaved;
  EXPECT_THAT(lengths({rope_q, rope_k, store}), ElementsAre(1, 1, 1));
}

TEST(Program, ALongHeadIsRotatedAlone) {
  Operands with;
  const std::int64_t head_dim = kMaxFusedHead + 2;
  const TensorView<float> q = with.floats({1, 1, head_dim});
  const TensorView<float> k = with.floats({1, 1, head_dim});
  const TensorView<float> angles = with.floats({8, head_dim / 2});
  const StoreKv store = {with.cache(1, head_dim), with.cache(1, head_dim), k, with.floats({1, 1, head_dim}),
                         0};
  EXPECT_THAT(lengths({Rope{q, angles, angles, 0}, Rope{k, angles, angles, 0}, store}), ElementsAre(1, 1, 1));
}

TEST(Program, LaunchesAreNamedAfterTheirOperations) {
  Operands with;
  const RmsNorm norm = with.norm(with.floats({1, 64}));
  const Linear up = with.linear(norm.out, 96);
  const std::vector<Operation> operations = {norm, up, up, SwiGlu{up.out, up.out, up.out}};
  EXPECT_EQ(name_of(operations), "rms_norm+linear+swiglu");
  EXPECT_EQ(Program(operations, 0).groups().front().name, "rms_norm+linear");
  EXPECT_EQ(name_of(std::span(operations).first(1)), "rms_norm");
}

TEST(Program, ALaunchCostsWhatItsOperationsDoAtTheirPosition) {
  Operands with;
  const RmsNorm norm = with.norm(with.floats({1, 64}));
  const Linear up = with.linear(norm.out, 96);
  const Program products({norm, up}, 0);
  EXPECT_EQ(products.groups().front().cost.bytes, cost_of(norm).bytes + cost_of(up).bytes);
  EXPECT_EQ(products.groups().front().cost.flops, cost_of(norm).flops + cost_of(up).flops);
  const TensorView<float> heads = with.floats({1, 2, 16});
  const Attention at_five = {with.floats({1, 2, 16}), heads, with.cache(2, 16), with.cache(2, 16), 5, 1.0F};
  const Program attention({without_position(&at_five)}, 8, 5);
  EXPECT_EQ(attention.groups().front().cost.bytes, cost_of(at_five).bytes);
}

TEST(Program, IsTheSameForAnotherTokenAlone) {
  Operands with;
  const TensorView<float> x = with.floats({1, 64});
  const std::vector<TokenId> one = {3};
  const std::vector<TokenId> other = {5};
  const AnyTensorView table = with.matrix(9, 64);
  const Embed first = {x, table, one, {}, 7};
  const Embed second = {x, table, other, {}, 8};
  EXPECT_EQ(position_of(&first), 7);
  const RmsNorm norm = {x, x, {}, 1e-6F};
  EXPECT_EQ(position_of(&norm), -1);
  const Program program({without_position(&first), norm}, 256);
  EXPECT_TRUE(program.consists_of(std::vector<Operation>{without_position(&second), norm}, 256));
  EXPECT_FALSE(program.consists_of(std::vector<Operation>{without_position(&second), norm}, 512));
  EXPECT_FALSE(program.consists_of(std::vector<Operation>{without_position(&second)}, 256));
  RmsNorm coarser = norm;
  coarser.eps = 1e-5F;
  EXPECT_FALSE(program.consists_of(std::vector<Operation>{without_position(&second), coarser}, 256));
  const std::vector<TokenId> two = {3, 5};
  const Embed longer = {with.floats({2, 64}), table, two, {}, 7};
  EXPECT_FALSE(program.consists_of(std::vector<Operation>{without_position(&longer), norm}, 256));
}

}  // namespace
}  // namespace reprise::engine::kernels
