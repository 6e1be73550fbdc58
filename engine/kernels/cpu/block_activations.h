/// What products with weights in blocks need of the activations beside their values: sums, and wider values
/// for instruction sets without a byte product.
#pragma once

#include <type_traits>

#include "engine/kernels/cpu/lanes.h"

namespace reprise::engine::kernels {

/// The activations of one product as D takes them, made in the slice's workspace: it is little beside the
/// product.
template <class D, class Block>
class BlockActivations {
 public:
  REPRISE_INLINE static std::size_t workspace_bytes(const Linear& op) {
    const auto n_blocks = static_cast<std::size_t>(op.x_blocks.scales.count());
    return (kSums ? n_blocks * sizeof(std::int32_t) : 0) +
           (kWidened ? n_blocks * kBlock * sizeof(Activation) : 0);
  }
  REPRISE_INLINE BlockActivations(const Linear& op, std::byte* workspace)
      : n_blocks_(op.x_blocks.scales.extent(1)), scales_(op.x_blocks.scales.data()) {
    const std::int8_t* values = op.x_blocks.values.data();
    const std::int64_t n = op.x_blocks.scales.count();
    if constexpr (kWidened) {
      auto* wide = reinterpret_cast<Activation*>(workspace);
      for (std::int64_t i = 0; i < n * kBlock; ++i) {
        wide[i] = values[i];
      }
      values_ = wide;
    } else {
      values_ = values;
    }
    if constexpr (kSums) {
      auto* offsets = reinterpret_cast<std::int32_t*>(workspace);
      for (std::int64_t b = 0; b < n; ++b) {
        std::int32_t sum = 0;
        for (std::int64_t i = 0; i < kBlock; ++i) {
          sum += values[b * kBlock + i];
        }
        offsets[b] = -D::template kBias<Block> * sum;
      }
      offsets_ = offsets;
    }
  }

  [[nodiscard]] REPRISE_INLINE std::int64_t n_blocks() const { return n_blocks_; }
  [[nodiscard]] REPRISE_INLINE const typename D::Activation* values(std::int64_t t, std::int64_t b) const {
    return values_ + (t * n_blocks_ + b) * kBlock;
  }
  [[nodiscard]] REPRISE_INLINE float scale(std::int64_t t, std::int64_t b) const {
    return scales_[t * n_blocks_ + b];
  }
  /// -kBias times the sum of a block.
  [[nodiscard]] REPRISE_INLINE std::int32_t offset(std::int64_t t, std::int64_t b) const {
    return kSums ? offsets_[t * n_blocks_ + b] : 0;
  }

 private:
  using Activation = typename D::Activation;
  static constexpr bool kSums = D::template kBias<Block> != 0;
  static constexpr bool kWidened = !std::is_same_v<Activation, std::int8_t>;
  static_assert(!(kSums && kWidened), "they share the workspace");

  std::int64_t n_blocks_;
  const float* scales_;
  const Activation* values_ = nullptr;
  const std::int32_t* offsets_ = nullptr;
};

}  // namespace reprise::engine::kernels
