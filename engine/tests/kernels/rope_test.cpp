// Rotary positions: accuracy of the reference in both layouts, and the same bits on every instruction set.
#include <gtest/gtest.h>

#include "engine/tests/kernels/error_bounds.h"
#include "engine/tests/kernels/random_tensors.h"
#include "engine/tests/kernels/same_bits.h"

namespace reprise::engine::testing {
namespace {

struct RopeOperands {
  RopeOperands(Random& random, Shape x_shape, RotaryLayout rotary_layout, Values values = Values::plain)
      : shape(x_shape),
        layout(rotary_layout),
        first_position(random.integer(0, 5)),
        table_shape({first_position + x_shape[0] + random.integer(0, 3), x_shape[2] / 2}),
        x(random_values(random, x_shape.count(), values)),
        cosine(random_values(random, table_shape.count(), values)),
        sine(random_values(random, table_shape.count(), values)) {}

  [[nodiscard]] Rope op(std::byte* out) const {
    return {floats_at(out, shape), view_of(cosine, table_shape), view_of(sine, table_shape), first_position,
            layout};
  }

  Shape shape;
  RotaryLayout layout;
  std::int64_t first_position;
  Shape table_shape;
  std::vector<float> x;
  std::vector<float> cosine;
  std::vector<float> sine;
};

TEST(Rope, ReferenceIsAccurate) {
  Random random(1);
  for (const std::int64_t head_dim : {2, 4, 32, 34, 64, 80, 128}) {
    for (const RotaryLayout layout : {RotaryLayout::half, RotaryLayout::interleaved}) {
      const RopeOperands operands(random, {3, 2, head_dim}, layout);
      Output out{std::span<const float>(operands.x)};
      kernels::reference_kernels().rope(operands.op(out.data()), {0, 1});
      const std::int64_t half = head_dim / 2;
      for (std::int64_t pair = 0; pair < 3 * 2 * half; ++pair) {
        const std::int64_t head = pair / half;
        const std::int64_t i = pair % half;
        const bool split = layout == RotaryLayout::half;
        const std::int64_t first = head * head_dim + (split ? i : 2 * i);
        const std::int64_t second = split ? first + half : first + 1;
        const auto angle = static_cast<std::size_t>((operands.first_position + head / 2) * half + i);
        const double a = operands.x[static_cast<std::size_t>(first)];
        const double b = operands.x[static_cast<std::size_t>(second)];
        const double c = operands.cosine[angle];
        const double s = operands.sine[angle];
        // One rounding of the product with the sine, one of the sum.
        const auto bound = [](double sine_product, double exact) {
          return kUnit * (std::fabs(sine_product) + std::fabs(exact));
        };
        ASSERT_TRUE(within(out.floats()[first], a * c - b * s, bound(b * s, a * c - b * s) + kUnit * kUnit))
            << "head_dim " << head_dim << ", pair " << pair;
        ASSERT_TRUE(within(out.floats()[second], b * c + a * s, bound(a * s, b * c + a * s) + kUnit * kUnit))
            << "head_dim " << head_dim << ", pair " << pair;
      }
    }
  }
}

TEST(Rope, SameBitsOnEveryIsaForRandomShapes) {
  record_isas();
  Random random(2);
  for (int i = 0; i < 500; ++i) {
    const Shape shape = {random.integer(1, 7), random.integer(1, 5), 2 * random.integer(1, 70)};
    const RopeOperands operands(random, shape, random.one_of({RotaryLayout::half, RotaryLayout::interleaved}),
                                random.one_of({Values::plain, Values::awkward}));
    ASSERT_TRUE(same_bits_on_every_isa<Rope>(&KernelTable::rope, Output{std::span<const float>(operands.x)},
                                             [&](std::byte* out) { return operands.op(out); }))
        << "case " << i << ": " << shape[0] << " x " << shape[1] << " x " << shape[2] << ", layout "
        << static_cast<int>(operands.layout);
  }
}

}  // namespace
}  // namespace reprise::engine::testing
