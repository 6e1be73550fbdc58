/// Every parameter of a decoder in one flat array: what training changes. Also the shape of gradients.
/// Not the weights that a backend reads (model/weights.h): these are of one scalar type, and are written to.
/// Used by TrainingDecoder, the trainer and the writer of model folders.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "engine/core/tensor_view.h"
#include "engine/model/tensors.h"

namespace reprise::engine {

/// T: float to train, double to check gradients.
template <class T>
class Parameters {
 public:
  /// All zero, in the order of tensors_of(config).
  explicit Parameters(const ModelConfig& config) : tensors_(tensors_of(config)) {
    std::size_t n = 0;
    for (const TensorSpec& tensor : tensors_) {
      places_[{tensor.slot, tensor.layer}] = {n, tensor.shape};
      n += static_cast<std::size_t>(tensor.shape.count());
    }
    values_.resize(n);
  }

  [[nodiscard]] const std::vector<TensorSpec>& tensors() const { return tensors_; }
  [[nodiscard]] std::span<T> values() { return values_; }
  [[nodiscard]] std::span<const T> values() const { return values_; }

  /// Empty when the configuration has no such tensor.
  [[nodiscard]] TensorView<T> tensor(Slot slot, int layer = kNoLayer) {
    const Place* place = find(slot, layer);
    return place == nullptr ? TensorView<T>() : TensorView<T>(values_.data() + place->offset, place->shape);
  }
  [[nodiscard]] TensorView<const T> tensor(Slot slot, int layer = kNoLayer) const {
    const Place* place = find(slot, layer);
    return place == nullptr ? TensorView<const T>()
                            : TensorView<const T>(values_.data() + place->offset, place->shape);
  }

 private:
  struct Place {
    std::size_t offset;
    Shape shape;
  };
  [[nodiscard]] const Place* find(Slot slot, int layer) const {
    const auto found = places_.find({slot, layer});
    return found == places_.end() ? nullptr : &found->second;
  }

  std::vector<TensorSpec> tensors_;
  std::map<std::pair<Slot, int>, Place> places_;
  std::vector<T> values_;
};

/// Where training starts: matrices Gaussian around 0 with standard deviation `std`, gains 1, biases 0. Every
/// element is a function of (seed, tensor, index) alone: Philox4x32-10, Box-Muller in double, rounded once.
Parameters<float> initial_parameters(const ModelConfig& config, std::uint64_t seed, double std);

/// The numbers 0 .. n - 1 in an order that is a function of the seed: Fisher-Yates on Philox.
std::vector<std::size_t> shuffled_order(std::size_t n, std::uint64_t seed);

}  // namespace reprise::engine
