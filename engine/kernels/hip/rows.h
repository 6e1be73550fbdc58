/// Elements of rows in a GPU's memory, one at a time: matrices in the layout of layout.h, and KV caches as on
/// the host.
#pragma once

#include "engine/kernels/hip/layout.h"
#include "engine/kernels/hip/runtime.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {

/// A matrix of floats.
template <class W>
struct FloatMatrix {
  const W* data;
  std::int64_t width;

  FloatMatrix(const std::byte* memory, std::int64_t /*n_rows*/, std::int64_t n)
      : data(reinterpret_cast<const W*>(memory)), width(n) {}
  __device__ float at(std::int64_t row, std::int64_t k) const {
    return widen(data[row * row_stride<W>(width) + place_in_row<W>(k)]);
  }
};

/// A matrix of blocks.
template <class Block>
struct BlockMatrix {
  const std::byte* values;
  const F16* scales;
  std::int64_t width;

  BlockMatrix(const std::byte* memory, std::int64_t n_rows, std::int64_t n)
      : values(memory), scales(block_scales<Block>(memory, n_rows * (n / kBlock))), width(n) {}
  __device__ float at(std::int64_t row, std::int64_t k) const {
    const std::int64_t block = (row * width + k) / kBlock;
    const std::byte* bytes = values + block * kBlockValueBytes<Block>;
    return widen(scales[block]) * static_cast<float>(value(bytes, static_cast<int>(k % kBlock), Block{}));
  }

 private:
  __device__ static int value(const std::byte* bytes, int i, const Int8Block& /*tag*/) {
    return static_cast<std::int8_t>(bytes[i]);
  }
  __device__ static int value(const std::byte* bytes, int i, const Int4Block& /*tag*/) {
    constexpr int kHalf = static_cast<int>(kBlock) / 2;
    const int byte = static_cast<int>(bytes[i % kHalf]);
    return (i < kHalf ? byte & 0x0f : byte >> 4) - 8;
  }
};

/// A cache [n_kv_heads, n_positions, head_dim] of floats, as one row.
template <class T>
struct FloatCache {
  const T* data;
  explicit FloatCache(const std::byte* memory) : data(reinterpret_cast<const T*>(memory)) {}
  __device__ float at(std::int64_t i) const { return widen(data[i]); }
};

/// The same of int8 blocks.
struct BlockCache {
  const Int8Block* data;
  explicit BlockCache(const std::byte* memory) : data(reinterpret_cast<const Int8Block*>(memory)) {}
  __device__ float at(std::int64_t i) const {
    const Int8Block& block = data[i / kBlock];
    return widen(block.scale) * static_cast<float>(block.values[i % kBlock]);
  }
};

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
