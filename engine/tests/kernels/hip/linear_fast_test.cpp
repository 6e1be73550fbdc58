// `--numerics fast` on GPUs: how far products of rounded activations may be from exact ones, what stays
// exact, and that a run repeats itself. Emulated.
#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include "engine/tests/kernels/error_bounds.h"
#include "engine/tests/kernels/random_tensors.h"
#include "engine/tests/kernels/same_bits.h"

namespace reprise::engine::testing {
namespace {

/// As launch.h has it.
constexpr std::int64_t kFastTokens = 16;

struct Shapes {
  std::int64_t n_tokens;
  std::int64_t n_in;
  std::int64_t n_out;
};

/// Operands of one product.
struct Operands {
  Operands(std::uint64_t seed, DType dtype, const Shapes& s, bool with_bias = true, bool with_residual = true)
      : shapes(s), has_bias(with_bias), has_residual(with_residual) {
    Random random(seed);
    x = random_values(random, s.n_tokens * s.n_in);
    weight = random_values(random, s.n_out * s.n_in);
    bias = random_values(random, s.n_out);
    residual = random_values(random, s.n_tokens * s.n_out);
    tensor.emplace(dtype, Shape({s.n_out, s.n_in}), weight);
  }

  /// With a residual, in place: it is what `out` holds.
  [[nodiscard]] Linear op(Output& out) const {
    const TensorView<float> outputs = floats_at(out.data(), {shapes.n_tokens, shapes.n_out});
    return {outputs, view_of(x, {shapes.n_tokens, shapes.n_in}), tensor->view(),
            optional_view(bias, has_bias),
            has_residual ? TensorView<const float>(outputs) : TensorView<const float>()};
  }
  [[nodiscard]] Output run(kernels::HipDevice& gpu) const {
    Output out = has_residual ? Output{std::span<const float>(residual)}
                              : Output::of_floats(shapes.n_tokens * shapes.n_out);
    run_on_gpu(gpu, op(out));
    return out;
  }

  Shapes shapes;
  bool has_bias;
  bool has_residual;
  std::vector<float> x;
  std::vector<float> weight;
  std::vector<float> bias;
  std::vector<float> residual;
  std::optional<Tensor> tensor;
};

std::vector<std::unique_ptr<kernels::HipDevice>> fast_gpus() {
  auto devices = all_gpus();
  for (const auto& device : devices) {
    device->compute_fast(true);
  }
  return devices;
}

double rounded(DType dtype, float x) {
  return dtype == DType::f16 ? to_f32(to_f16(x)) : to_f32(to_bf16(x));
}

void expect_accurate(const Operands& operands, Output found, DType dtype) {
  const auto& [n_tokens, n_in, n_out] = operands.shapes;
  ASSERT_TRUE(found.guards_intact());
  for (std::int64_t i = 0; i < n_tokens * n_out; ++i) {
    const std::int64_t token = i / n_out;
    const std::int64_t row = i % n_out;
    const auto at = [](const std::vector<float>& values, std::int64_t j) {
      return values[static_cast<std::size_t>(j)];
    };
    const double bias = operands.has_bias ? static_cast<double>(at(operands.bias, row)) : 0.0;
    const double residual = operands.has_residual ? static_cast<double>(at(operands.residual, i)) : 0.0;
    double exact = bias + residual;
    double magnitude = 0;
    for (std::int64_t k = 0; k < n_in; ++k) {
      const double product =
          operands.tensor->at(row * n_in + k) * rounded(dtype, at(operands.x, token * n_in + k));
      exact += product;
      magnitude += std::fabs(product);
    }
    // Products are exact in f32 sums; n_in additions in any order, one for the bias and one for the residual.
    const double bound = static_cast<double>(n_in) * kUnit * magnitude +
                         2 * kUnit * (magnitude + std::fabs(bias) + std::fabs(residual));
    ASSERT_TRUE(within(found.floats()[i], exact, bound))
        << "token " << token << ", output " << row << " of " << n_tokens << " x " << n_in << " x " << n_out;
  }
}

TEST(HipLinearFast, ProductsOfRoundedActivationsAreAccurate) {
  // The last three are of four large tiles or more, which is as many as an emulated GPU wants.
  const Shapes edges[] = {{16, 1, 1},    {16, 64, 64}, {17, 65, 63},   {63, 127, 65},  {65, 129, 1},
                          {128, 64, 64}, {16, 300, 7}, {130, 40, 129}, {129, 17, 385}, {400, 129, 66}};
  std::uint64_t seed = 0;
  for (const auto& gpu : fast_gpus()) {
    for (const DType dtype : {DType::bf16, DType::f16}) {
      for (const Shapes& shapes : edges) {
        ++seed;
        const Operands operands(seed, dtype, shapes, seed % 2 == 0, seed % 3 != 0);
        ASSERT_NO_FATAL_FAILURE(expect_accurate(operands, operands.run(*gpu), dtype))
            << gpu->info().architecture;
      }
    }
  }
}

TEST(HipLinearFast, ProductsOfRandomShapesAreAccurate) {
  Random random(2026);
  const auto gpus = fast_gpus();
  for (std::uint64_t round = 0; round < 8; ++round) {
    const Shapes shapes = {random.integer(kFastTokens, 140), random.integer(1, 400), random.integer(1, 200)};
    const DType dtype = random.coin() ? DType::f16 : DType::bf16;
    const Operands operands(100 + round, dtype, shapes, random.coin(), random.coin());
    ASSERT_NO_FATAL_FAILURE(expect_accurate(operands, operands.run(*gpus[round % gpus.size()]), dtype));
  }
}

TEST(HipLinearFast, IntegersThatEverySumHoldsAreExact) {
  for (const auto& gpu : fast_gpus()) {
    for (const DType dtype : {DType::bf16, DType::f16}) {
      for (const Shapes& shapes : {Shapes{16, 130, 70}, Shapes{150, 70, 131}, Shapes{67, 63, 129}}) {
        Operands operands(1, dtype, shapes);
        for (std::size_t i = 0; i < operands.x.size(); ++i) {
          operands.x[i] = static_cast<float>(static_cast<int>(i * 7919 % 255) - 127);
        }
        for (std::size_t i = 0; i < operands.weight.size(); ++i) {
          operands.weight[i] = static_cast<float>(static_cast<int>(i * 104729 % 253) - 126);
        }
        for (auto* values : {&operands.bias, &operands.residual}) {
          for (std::size_t i = 0; i < values->size(); ++i) {
            (*values)[i] = static_cast<float>(i % 1000);
          }
        }
        operands.tensor.emplace(dtype, Shape({shapes.n_out, shapes.n_in}), operands.weight);
        Output found = operands.run(*gpu);
        for (std::int64_t i = 0; i < shapes.n_tokens * shapes.n_out; ++i) {
          const std::int64_t row = i % shapes.n_out;
          std::int64_t sum = row % 1000 + i % 1000;
          for (std::int64_t k = 0; k < shapes.n_in; ++k) {
            sum +=
                static_cast<std::int64_t>(operands.weight[static_cast<std::size_t>(row * shapes.n_in + k)]) *
                static_cast<std::int64_t>(
                    operands.x[static_cast<std::size_t>(i / shapes.n_out * shapes.n_in + k)]);
          }
          ASSERT_EQ(found.floats()[i], static_cast<float>(sum))
              << "element " << i << ", " << gpu->info().architecture;
        }
      }
    }
  }
}

TEST(HipLinearFast, ARunRepeatsItsBits) {
  for (const auto& gpu : fast_gpus()) {
    for (const DType dtype : {DType::bf16, DType::f16}) {
      const Operands operands(7, dtype, {70, 200, 130});
      const Output first = operands.run(*gpu);
      EXPECT_EQ(operands.run(*gpu), first);
    }
  }
}

TEST(HipLinearFast, FewTokensAndOtherWeightsHaveTheExactBits) {
  const auto exact = all_gpus();
  const auto fast = fast_gpus();
  for (std::size_t i = 0; i < fast.size(); ++i) {
    for (const auto& [dtype, n_tokens] : {std::pair{DType::bf16, std::int64_t{1}},
                                          {DType::f16, kFastTokens - 1},
                                          {DType::f32, std::int64_t{40}}}) {
      const Operands operands(3, dtype, {n_tokens, 96, 80});
      EXPECT_EQ(operands.run(*fast[i]), operands.run(*exact[i]))
          << name_of(dtype) << ", " << n_tokens << " tokens";
    }
    for (const DType dtype : {DType::bf16, DType::f16}) {
      const Operands operands(4, dtype, {kFastTokens, 96, 80});
      EXPECT_FALSE(operands.run(*fast[i]) == operands.run(*exact[i])) << "not rounded";
      fast[i]->compute_fast(false);
      EXPECT_EQ(operands.run(*fast[i]), operands.run(*exact[i]));
      fast[i]->compute_fast(true);
    }
  }
}

TEST(HipLinearFast, ANanInTheActivationsIsInAllOutputsOfItsTokenAlone) {
  for (const auto& gpu : fast_gpus()) {
    for (const DType dtype : {DType::bf16, DType::f16}) {
      Operands operands(6, dtype, {20, 70, 33});
      operands.x[5 * 70 + 69] = std::numeric_limits<float>::quiet_NaN();
      Output found = operands.run(*gpu);
      for (std::int64_t i = 0; i < 20 * 33; ++i) {
        EXPECT_EQ(std::isnan(found.floats()[i]), i / 33 == 5) << i;
      }
    }
  }
}

TEST(HipLinearFast, TimesAndWorkspaceTellOfIt) {
  for (const auto& gpu : fast_gpus()) {
    const Operands operands(5, DType::bf16, {20, 130, 8});
    const std::size_t before = gpu->workspace_bytes();
    gpu->time(true);
    static_cast<void>(operands.run(*gpu));
    bool found = false;
    for (const kernels::TimedWork& work : gpu->take_times()) {
      found = found || (work.name == "linear" && work.cost.arithmetic == Arithmetic::bf16_dot);
    }
    EXPECT_TRUE(found);
    EXPECT_GE(gpu->workspace_bytes(), before + 20 * 256 * 2) << "20 tokens in rows of 256 elements";
  }
}

TEST(HipLinearFast, ARecordingKeepsItsMemory) {
  for (const auto& gpu : fast_gpus()) {
    const Operands operands(8, DType::f16, {16, 64, 24}, true, false);
    GpuOperands copies(*gpu);
    Output out = Output::of_floats(16 * 24);
    const Linear op = copies(operands.op(out));
    const auto recording = gpu->record(kernels::Program({op}, 0));
    const Operands larger(9, DType::f16, {40, 500, 8});
    static_cast<void>(larger.run(*gpu));
    gpu->start(*recording, {{}, 0});
    gpu->wait();
    copies.copy_back();
    EXPECT_EQ(out, operands.run(*gpu));
  }
}

}  // namespace
}  // namespace reprise::engine::testing
