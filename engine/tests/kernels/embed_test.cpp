// Embedding: exact values from the reference, and the same bits on every instruction set.
#include <gtest/gtest.h>

#include "engine/tests/kernels/random_tensors.h"
#include "engine/tests/kernels/same_bits.h"

namespace reprise::engine::testing {
namespace {

struct EmbedOperands {
  EmbedOperands(Random& random, std::int64_t n_tokens, std::int64_t d_model, bool learned_positions,
                Values values)
      : out_shape({n_tokens, d_model}),
        with_positions(learned_positions),
        first_position(random.integer(0, 6)),
        table(Tensor::random(random, random.float_dtype(), {kVocabulary, d_model}, values)),
        positions(Tensor::random(random, random.float_dtype(),
                                 {first_position + n_tokens + random.integer(0, 3), d_model}, values)) {
    for (std::int64_t t = 0; t < n_tokens; ++t) {
      tokens.push_back(static_cast<TokenId>(random.integer(0, kVocabulary - 1)));
    }
  }

  [[nodiscard]] Embed op(std::byte* out) const {
    return {floats_at(out, out_shape), table.view(), tokens,
            with_positions ? positions.view() : AnyTensorView(), first_position};
  }

  static constexpr std::int64_t kVocabulary = 11;
  Shape out_shape;
  bool with_positions;
  std::int64_t first_position;
  Tensor table;
  Tensor positions;
  std::vector<TokenId> tokens;
};

TEST(Embed, ReferenceIsExact) {
  Random random(1);
  for (const std::int64_t d_model : {1, 15, 16, 17, 33, 64}) {
    for (const bool with_positions : {false, true}) {
      const EmbedOperands operands(random, 5, d_model, with_positions, Values::awkward);
      Output out = Output::of_floats(5 * d_model);
      kernels::reference_kernels().embed(operands.op(out.data()), {0, 1});
      for (std::int64_t i = 0; i < 5 * d_model; ++i) {
        const std::int64_t t = i / d_model;
        double exact =
            operands.table.at(operands.tokens[static_cast<std::size_t>(t)] * d_model + i % d_model);
        if (with_positions) {
          // Rounding a double sum of two floats to float rounds once in effect: 53 bits exceed 2 * 24 + 2.
          exact += operands.positions.at((operands.first_position + t) * d_model + i % d_model);
        }
        ASSERT_EQ(std::bit_cast<std::uint32_t>(out.floats()[i]),
                  std::bit_cast<std::uint32_t>(static_cast<float>(exact)))
            << "d_model " << d_model << ", with_positions " << with_positions << ", element " << i;
      }
    }
  }
}

TEST(Embed, SameBitsOnEveryIsaForRandomShapes) {
  record_isas();
  Random random(2);
  for (int i = 0; i < 400; ++i) {
    const EmbedOperands operands(random, random.integer(1, 9), random.integer(1, 100), random.coin(),
                                 random.one_of({Values::plain, Values::awkward}));
    ASSERT_TRUE(writes_same_floats_on_every_isa<Embed>(&KernelTable::embed, operands.out_shape.count(),
                                                       [&](std::byte* out) { return operands.op(out); }))
        << "case " << i << ": " << operands.out_shape[0] << " x " << operands.out_shape[1] << ", positions "
        << operands.with_positions;
  }
}

}  // namespace
}  // namespace reprise::engine::testing
