// SwiGLU, GELU and ReLU: accuracy of the reference, and the same bits on every instruction set.
#include <gtest/gtest.h>

#include <limits>

#include "engine/tests/kernels/error_bounds.h"
#include "engine/tests/kernels/random_tensors.h"
#include "engine/tests/kernels/same_bits.h"

namespace reprise::engine::testing {
namespace {

constexpr std::int64_t kCount = 20'000;

/// Values across and beyond the range where the exponential matters.
std::vector<float> activations(Random& random, std::int64_t n) {
  std::vector<float> x = random_values(random, n, Values::awkward);
  for (std::size_t i = 0; i < x.size(); i += 2) {
    x[i] = random.one_of({random.uniform(-5, 5), random.uniform(-120, 120)});
  }
  return x;
}

TensorView<const float> row_of(const std::vector<float>& values) {
  return view_of(values, {1, std::ssize(values)});
}

TEST(SwiGlu, ReferenceIsAccurate) {
  Random random(1);
  const std::vector<float> gate = activations(random, kCount);
  const std::vector<float> up = activations(random, kCount);
  Output out = Output::of_floats(kCount);
  kernels::reference_kernels().swiglu({floats_at(out.data(), {1, kCount}), row_of(gate), row_of(up)}, {0, 1});
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const double g = gate[i];
    const double u = up[i];
    const double exact = g / (1 + std::exp(-g)) * u;
    // exp, 1 +, division, product; exp(x) counts as exp(88) above 88, and the quotient may be subnormal
    // before `up` enlarges it.
    const double bound = (kExpError + 3 * kUnit) * std::fabs(exact) +
                         (g < -88 ? std::fabs(g * u) * std::exp(-88.0) : 0) + kSmallest * std::fabs(u);
    ASSERT_TRUE(within(out.floats()[i], exact, bound)) << "gate " << g << ", up " << u;
  }
}

TEST(Gelu, ReferenceIsAccurate) {
  Random random(2);
  const std::vector<float> x = activations(random, kCount);
  Output out = Output::of_floats(kCount);
  kernels::reference_kernels().gelu({floats_at(out.data(), {1, kCount}), row_of(x)}, {0, 1});
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i];
    const double inner = std::sqrt(2 / std::acos(-1.0)) * (v + 0.044715 * v * v * v);
    const double exact = 0.5 * v * (1 + std::tanh(inner));
    // tanh cancels for negative arguments; the sigmoid form does not.
    const double sigmoid = 1 / (1 + std::exp(-2 * inner));
    // 2u: two roundings of the cube, one of the sum, one of the product, two of the constants; its error
    // enters exp absolutely, exp's enters the sigmoid by exp's share of the denominator; then 1 + and the
    // division.
    const double exp_error = 6 * kUnit * std::fabs(2 * inner) + kExpError;
    const double bound = std::fabs(v) * sigmoid * (exp_error * (1 - sigmoid) + 2 * kUnit) +
                         (2 * inner < -88 ? std::fabs(v) * std::exp(-88.0) : 0);
    ASSERT_TRUE(within(out.floats()[i], v * sigmoid, bound)) << "x " << v;
    // The formula as published, in float64: equal but for tanh's cancellation.
    ASSERT_NEAR(v * sigmoid, exact, 1e-15 * std::fabs(v)) << "x " << v;
  }
}

TEST(Relu, ReferenceIsExact) {
  Random random(3);
  std::vector<float> x = activations(random, kCount);
  x[0] = -0.0F;
  Output out = Output::of_floats(kCount);
  kernels::reference_kernels().relu({floats_at(out.data(), {1, kCount}), row_of(x)}, {0, 1});
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_EQ(out.floats()[i], std::max(static_cast<double>(x[i]), 0.0)) << "x " << x[i];
    ASSERT_FALSE(std::signbit(out.floats()[i])) << "x " << x[i];
  }
}

TEST(Activations, SameBitsOnEveryIsaForRandomShapes) {
  record_isas();
  Random random(4);
  for (int i = 0; i < 400; ++i) {
    const Shape shape = {random.integer(1, 5), random.integer(1, 150)};
    const std::vector<float> gate = activations(random, shape.count());
    const std::vector<float> up = activations(random, shape.count());
    const auto swiglu = [&](std::byte* out) {
      return SwiGlu{floats_at(out, shape), view_of(gate, shape), view_of(up, shape)};
    };
    const auto gelu = [&](std::byte* out) { return Gelu{floats_at(out, shape), view_of(gate, shape)}; };
    const auto relu = [&](std::byte* out) { return Relu{floats_at(out, shape), view_of(gate, shape)}; };
    ASSERT_TRUE(writes_same_floats_on_every_isa<SwiGlu>(&KernelTable::swiglu, shape.count(), swiglu))
        << "case " << i;
    ASSERT_TRUE(writes_same_floats_on_every_isa<Gelu>(&KernelTable::gelu, shape.count(), gelu))
        << "case " << i;
    ASSERT_TRUE(writes_same_floats_on_every_isa<Relu>(&KernelTable::relu, shape.count(), relu))
        << "case " << i;
  }
}

TEST(Activations, MayWorkInPlace) {
  Random random(5);
  for (int i = 0; i < 100; ++i) {
    const Shape shape = {random.integer(1, 5), random.integer(1, 150)};
    const std::vector<float> gate = activations(random, shape.count());
    const std::vector<float> up = activations(random, shape.count());
    const auto into_gate = [&](std::byte* out) {
      return SwiGlu{floats_at(out, shape), floats_at(out, shape), view_of(up, shape)};
    };
    const auto into_up = [&](std::byte* out) {
      return SwiGlu{floats_at(out, shape), view_of(gate, shape), floats_at(out, shape)};
    };
    const auto gelu = [&](std::byte* out) { return Gelu{floats_at(out, shape), floats_at(out, shape)}; };
    const auto relu = [&](std::byte* out) { return Relu{floats_at(out, shape), floats_at(out, shape)}; };
    const Output gates{std::span<const float>(gate)};
    const Output ups{std::span<const float>(up)};
    ASSERT_TRUE(same_bits_on_every_isa<SwiGlu>(&KernelTable::swiglu, gates, into_gate)) << "case " << i;
    ASSERT_TRUE(same_bits_on_every_isa<SwiGlu>(&KernelTable::swiglu, ups, into_up)) << "case " << i;
    ASSERT_TRUE(same_bits_on_every_isa<Gelu>(&KernelTable::gelu, gates, gelu)) << "case " << i;
    ASSERT_TRUE(same_bits_on_every_isa<Relu>(&KernelTable::relu, gates, relu)) << "case " << i;

    Output apart = Output::of_floats(shape.count());
    kernels::reference_kernels().swiglu(
        {floats_at(apart.data(), shape), view_of(gate, shape), view_of(up, shape)}, {0, 1});
    Output in_gate = gates;
    kernels::reference_kernels().swiglu(into_gate(in_gate.data()), {0, 1});
    Output in_up = ups;
    kernels::reference_kernels().swiglu(into_up(in_up.data()), {0, 1});
    ASSERT_EQ(apart, in_gate) << "case " << i;
    ASSERT_EQ(apart, in_up) << "case " << i;
  }
}

TEST(Activations, NanReachesTheOutputOfSwiGluAndGeluOnEveryIsa) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> gate = {1, nan, -3};
  const std::vector<float> up = {nan, 2, 0.5F};
  for (const std::string_view isa : kernels::available_isas()) {
    Output out = Output::of_floats(3);
    kernels::cpu_kernels(isa).swiglu({floats_at(out.data(), {1, 3}), row_of(gate), row_of(up)}, {0, 1});
    EXPECT_TRUE(std::isnan(out.floats()[0]) && std::isnan(out.floats()[1])) << isa;
    kernels::cpu_kernels(isa).gelu({floats_at(out.data(), {1, 3}), row_of(gate)}, {0, 1});
    EXPECT_TRUE(std::isnan(out.floats()[1]) && !std::isnan(out.floats()[2])) << isa;
  }
}

}  // namespace
}  // namespace reprise::engine::testing
