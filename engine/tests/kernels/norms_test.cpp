// RMS norm and layer norm: accuracy of the reference, and the same bits on every instruction set.
#include <gtest/gtest.h>

#include "engine/tests/kernels/error_bounds.h"
#include "engine/tests/kernels/random_tensors.h"
#include "engine/tests/kernels/same_bits.h"

namespace reprise::engine::testing {
namespace {

constexpr float kEps = 1e-5F;

struct NormOperands {
  NormOperands(Random& random, std::int64_t rows, std::int64_t width, Values values = Values::plain)
      : shape({rows, width}),
        x(random_values(random, rows * width, values)),
        weight(random_values(random, width, values)),
        bias(random_values(random, width, values)) {}

  [[nodiscard]] RmsNorm rms_norm(std::byte* out, bool weighted) const {
    return {floats_at(out, shape), view_of(x, shape), optional_view(weight, weighted), kEps};
  }
  [[nodiscard]] LayerNorm layer_norm(std::byte* out) const {
    return {floats_at(out, shape), view_of(x, shape), optional_view(weight, true), optional_view(bias, true),
            kEps};
  }
  [[nodiscard]] double at(std::int64_t row, std::int64_t i) const {
    return x[static_cast<std::size_t>(row * shape[1] + i)];
  }

  Shape shape;
  std::vector<float> x;
  std::vector<float> weight;
  std::vector<float> bias;
};

constexpr std::int64_t kWidths[] = {1, 15, 16, 17, 33, 64, 80, 1024};

TEST(RmsNorm, ReferenceIsAccurate) {
  Random random(1);
  for (const std::int64_t d : kWidths) {
    for (const bool weighted : {false, true}) {
      const NormOperands operands(random, 3, d);
      Output out = Output::of_floats(3 * d);
      kernels::reference_kernels().rms_norm(operands.rms_norm(out.data(), weighted), {0, 1});
      for (std::int64_t r = 0; r < 3; ++r) {
        double sum = 0;
        for (std::int64_t i = 0; i < d; ++i) {
          sum += operands.at(r, i) * operands.at(r, i);
        }
        const double scale = 1 / std::sqrt(sum / static_cast<double>(d) + kEps);
        // All terms are positive, so errors are relative: half of (chain sum, division, eps) through the
        // root, then root, reciprocal, two products.
        const double relative = (chain_error(d) + 2 * kUnit) / 2 + 4 * kUnit;
        for (std::int64_t i = 0; i < d; ++i) {
          const double weight = weighted ? operands.weight[static_cast<std::size_t>(i)] : 1;
          const double exact = operands.at(r, i) * scale * weight;
          ASSERT_TRUE(within(out.floats()[r * d + i], exact, relative * std::fabs(exact)))
              << "d " << d << ", weighted " << weighted << ", row " << r << ", element " << i;
        }
      }
    }
  }
}

TEST(LayerNorm, ReferenceIsAccurate) {
  Random random(2);
  for (const std::int64_t d : kWidths) {
    const NormOperands operands(random, 3, d);
    const auto n = static_cast<double>(d);
    Output out = Output::of_floats(3 * d);
    kernels::reference_kernels().layer_norm(operands.layer_norm(out.data()), {0, 1});
    for (std::int64_t r = 0; r < 3; ++r) {
      double sum = 0;
      double magnitude = 0;
      for (std::int64_t i = 0; i < d; ++i) {
        sum += operands.at(r, i);
        magnitude += std::fabs(operands.at(r, i));
      }
      const double mean = sum / n;
      double variance = 0;
      for (std::int64_t i = 0; i < d; ++i) {
        variance += (operands.at(r, i) - mean) * (operands.at(r, i) - mean) / n;
      }
      const double scale = 1 / std::sqrt(variance + kEps);
      // The mean's error shifts every centred value alike; their sum is zero, so the variance feels only its
      // square, beside the relative errors of centring (twice), chain sum, division and eps.
      const double shift = chain_error(d) * magnitude / n + kUnit * std::fabs(mean);
      const double variance_error =
          (chain_error(d) + 4 * kUnit) * variance + shift * shift + kUnit * (variance + kEps);
      const double scale_error = variance_error / (variance + kEps) / 2 + 2 * kUnit;
      for (std::int64_t i = 0; i < d; ++i) {
        const double weight = operands.weight[static_cast<std::size_t>(i)];
        const double centred = operands.at(r, i) - mean;
        const double product = std::fabs(centred * scale * weight);
        const double exact = centred * scale * weight + operands.bias[static_cast<std::size_t>(i)];
        const double bound = std::fabs(scale * weight) * shift + product * (scale_error + 2 * kUnit) +
                             kUnit * (std::fabs(exact) + product);
        ASSERT_TRUE(within(out.floats()[r * d + i], exact, bound))
            << "d " << d << ", row " << r << ", element " << i;
      }
    }
  }
}

TEST(RmsNorm, SameBitsOnEveryIsaForRandomShapes) {
  record_isas();
  Random random(3);
  for (int i = 0; i < 400; ++i) {
    const NormOperands operands(random, random.integer(1, 9), random.integer(1, 150),
                                random.one_of({Values::plain, Values::awkward}));
    const bool weighted = random.coin();
    ASSERT_TRUE(writes_same_floats_on_every_isa<RmsNorm>(
        &KernelTable::rms_norm, operands.shape.count(),
        [&](std::byte* out) { return operands.rms_norm(out, weighted); }))
        << "case " << i << ": " << operands.shape[0] << " x " << operands.shape[1] << ", weighted "
        << weighted;
  }
}

TEST(LayerNorm, SameBitsOnEveryIsaForRandomShapes) {
  record_isas();
  Random random(4);
  for (int i = 0; i < 400; ++i) {
    const NormOperands operands(random, random.integer(1, 9), random.integer(1, 150),
                                random.one_of({Values::plain, Values::awkward}));
    ASSERT_TRUE(
        writes_same_floats_on_every_isa<LayerNorm>(&KernelTable::layer_norm, operands.shape.count(),
                                                   [&](std::byte* out) { return operands.layer_norm(out); }))
        << "case " << i << ": " << operands.shape[0] << " x " << operands.shape[1];
  }
}

TEST(Norms, MayWorkInPlace) {
  Random random(5);
  for (int i = 0; i < 100; ++i) {
    const NormOperands operands(random, random.integer(1, 9), random.integer(1, 100));
    const Output blank{std::span<const float>(operands.x)};
    const bool weighted = random.coin();
    const auto rms_in_place = [&](std::byte* out) {
      RmsNorm op = operands.rms_norm(out, weighted);
      op.x = op.out;
      return op;
    };
    const auto layer_in_place = [&](std::byte* out) {
      LayerNorm op = operands.layer_norm(out);
      op.x = op.out;
      return op;
    };
    ASSERT_TRUE(same_bits_on_every_isa<RmsNorm>(&KernelTable::rms_norm, blank, rms_in_place)) << "case " << i;
    ASSERT_TRUE(same_bits_on_every_isa<LayerNorm>(&KernelTable::layer_norm, blank, layer_in_place))
        << "case " << i;

    Output apart = Output::of_floats(operands.shape.count());
    Output together = blank;
    kernels::reference_kernels().rms_norm(operands.rms_norm(apart.data(), weighted), {0, 1});
    kernels::reference_kernels().rms_norm(rms_in_place(together.data()), {0, 1});
    ASSERT_EQ(apart, together) << "case " << i;
    together = blank;
    kernels::reference_kernels().layer_norm(operands.layer_norm(apart.data()), {0, 1});
    kernels::reference_kernels().layer_norm(layer_in_place(together.data()), {0, 1});
    ASSERT_EQ(apart, together) << "case " << i;
  }
}

}  // namespace
}  // namespace reprise::engine::testing
