/// How matrices lie in a GPU's memory: each row reordered so that a load of 16 bytes gives a lane elements of
/// one chain.
///
/// The sum that defines a product (engine/README.md, "Numerics") has 16 chains, chain j taking the elements k
/// with k mod 16 = j in order; 16 lanes compute it, one chain each. In the row as models store it a lane's
/// elements are 16 apart. Here they stand together, 16 bytes of one chain after 16 bytes of the next, so
/// lanes load 256 bytes in a row:
///   floats:  [row][k / 16E][k mod 16][k / 16 mod E], E = 4 for f32, 8 for f16 and bf16; rows padded with
///   zeros to 16E blocks:  all rows' values, [row][k]; then all rows' scales, [row][k / 32]: the blocks'
///   bytes, sorted
/// Vectors, activations and KV caches lie as on the host.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/core/block_formats.h"
#include "engine/core/inline.h"

namespace reprise::engine::kernels {

/// Lanes, and chains of the sum.
inline constexpr int kRowLanes = 16;

/// Elements of one load.
template <class W>
inline constexpr int kLaneElements = 16 / static_cast<int>(sizeof(W));

/// Elements from one row to the next.
template <class W>
REPRISE_INLINE constexpr std::int64_t row_stride(std::int64_t n) {
  constexpr std::int64_t kGroup = kRowLanes * kLaneElements<W>;
  return (n + kGroup - 1) / kGroup * kGroup;
}

/// Where element k of a row stands in it.
template <class W>
REPRISE_INLINE constexpr std::int64_t place_in_row(std::int64_t k) {
  constexpr std::int64_t kGroup = kRowLanes * kLaneElements<W>;
  return k / kGroup * kGroup + k % kRowLanes * kLaneElements<W> + k / kRowLanes % kLaneElements<W>;
}

/// Bytes of the values of one block; its scale has two more.
template <class Block>
inline constexpr std::int64_t kBlockValueBytes = static_cast<std::int64_t>(sizeof(Block) - sizeof(F16));

/// Where the scales of a matrix of n_blocks begin: behind all values.
template <class Block>
REPRISE_INLINE const F16* block_scales(const std::byte* matrix, std::int64_t n_blocks) {
  return reinterpret_cast<const F16*>(matrix + n_blocks * kBlockValueBytes<Block>);
}
template <class Block>
REPRISE_INLINE F16* block_scales(std::byte* matrix, std::int64_t n_blocks) {
  return reinterpret_cast<F16*>(matrix + n_blocks * kBlockValueBytes<Block>);
}

}  // namespace reprise::engine::kernels
