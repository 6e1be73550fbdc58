/// Memory for the activations and gradients of one sequence: taken piece by piece, given back all at once,
/// and used again for the next sequence. Used by TrainingDecoder.
#pragma once

#include <vector>

#include "engine/core/tensor_view.h"

namespace reprise::engine {

template <class T>
class TensorArena {
 public:
  /// [n_rows, n_columns] of zeros, valid until clear().
  TensorView<T> zeros(std::int64_t n_rows, std::int64_t n_columns) {
    if (n_taken_ == pieces_.size()) {
      pieces_.emplace_back();
    }
    std::vector<T>& piece = pieces_[n_taken_++];
    piece.assign(static_cast<std::size_t>(n_rows * n_columns), T{0});
    return {piece.data(), {n_rows, n_columns}};
  }
  TensorView<T> zeros_like(TensorView<const T> tensor) { return zeros(tensor.extent(0), tensor.extent(1)); }

  void clear() { n_taken_ = 0; }

 private:
  std::vector<std::vector<T>> pieces_;
  std::size_t n_taken_ = 0;
};

}  // namespace reprise::engine
