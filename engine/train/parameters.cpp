#include "engine/train/parameters.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include "engine/core/fixed_math.h"
#include "engine/core/philox.h"

namespace reprise::engine {
namespace {

/// Last word of the counter: what the numbers are for, so that no two uses share any.
enum Stream : std::uint32_t { kInitialValues = 0, kDocumentOrder = 1 };

bool is_gain(Slot slot) {
  return slot == Slot::attention_norm || slot == Slot::ffn_norm || slot == Slot::final_norm ||
         slot == Slot::q_norm || slot == Slot::k_norm;
}

void fill_gaussian(TensorView<float> matrix, std::uint32_t index, PhiloxKey key, double std) {
  const std::int64_t n = matrix.count();
  for (std::int64_t i = 0; i < n; i += 2) {
    const auto block = static_cast<std::uint64_t>(i / 2);
    const PhiloxCounter random = philox4x32_10(
        {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), index, kInitialValues},
        key);
    const double radius = std::sqrt(-2 * fixed_log(1 - uniform_f64(random[0], random[1])));
    const double angle = 2 * std::numbers::pi * uniform_f64(random[2], random[3]);
    const auto [sine, cosine] = fixed_sine_cosine(angle);
    matrix.data()[i] = static_cast<float>(std * radius * cosine);
    if (i + 1 < n) {
      matrix.data()[i + 1] = static_cast<float>(std * radius * sine);
    }
  }
}

}  // namespace

Parameters<float> initial_parameters(const ModelConfig& config, std::uint64_t seed, double std) {
  Parameters<float> parameters(config);
  std::uint32_t index = 0;
  for (const TensorSpec& tensor : parameters.tensors()) {
    const TensorView<float> view = parameters.tensor(tensor.slot, tensor.layer);
    if (tensor.shape.rank() == 2) {
      fill_gaussian(view, index, philox_key(seed), std);
    } else if (is_gain(tensor.slot)) {
      std::fill(view.data(), view.data() + view.count(), 1.0F);
    }
    ++index;
  }
  return parameters;
}

std::vector<std::size_t> shuffled_order(std::size_t n, std::uint64_t seed) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = n; i > 1; --i) {
    const PhiloxCounter random =
        philox4x32_10({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(std::uint64_t{i} >> 32), 0,
                       kDocumentOrder},
                      philox_key(seed));
    const double share = uniform_f64(random[0], random[1]);
    std::swap(order[i - 1], order[static_cast<std::size_t>(share * static_cast<double>(i))]);
  }
  return order;
}

}  // namespace reprise::engine
