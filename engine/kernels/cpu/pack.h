/// Rows of a matrix, rearranged so that a register tile finds what it multiplies next to each other.
///
/// Used by the matrix products of many tokens. Packing widens weights to f32 once, for all tokens that pass
/// over them.
#pragma once

#include <type_traits>

#include "engine/kernels/cpu/lanes.h"

namespace reprise::engine::kernels {

/// The chain that a tile computes in its pass `pass`: the bits of the number reversed. So pairs (j, j + 8)
/// come first, then pairs of pairs, and the tree 16 > 8 > 4 > 2 > 1 needs no more than four partial tiles at
/// a time.
REPRISE_INLINE std::int64_t chain_of_pass(unsigned pass) {
  return (pass & 1U) << 3U | (pass & 2U) << 1U | (pass & 4U) >> 1U | pass >> 3U;
}

/// Where chains stand in packed memory: chain j of `width` rows is [n_steps, width] floats from j * stride
/// on.
struct ChainLayout {
  std::int64_t n_steps;  ///< elements of a chain: n_in / 16, rounded up
  std::int64_t width;    ///< rows side by side
  std::int64_t stride;   ///< floats from chain to chain

  /// A line more than the chains need: tiles may store 16 floats where `width` is less, and chains a power of
  /// two apart would share their cache sets.
  REPRISE_INLINE ChainLayout(std::int64_t n_in, std::int64_t rows)
      : n_steps((n_in + kLanes - 1) / kLanes),
        width(rows),
        stride((n_steps * rows + 2 * kLanes - 1) / kLanes * kLanes) {}
  /// Floats of all chains.
  [[nodiscard]] REPRISE_INLINE std::int64_t size() const { return kLanes * stride; }
};

/// Puts Rows (<= 16) rows of n_in elements, `row_stride` apart, into columns [column, column + Rows) of the
/// layout. Rows from n_rows on and elements from n_in on are +0. Columns up to 16 are written.
template <class V, int Rows, class T>
REPRISE_PART void pack_chains(float* to, const ChainLayout& layout, std::int64_t column, const T* rows,
                              std::int64_t row_stride, std::int64_t n_rows, std::int64_t n_in) {
  constexpr bool kDirect = std::is_same_v<T, float> && Rows % 4 == 0;  // no need to widen or to pad rows
  alignas(64) float tile[kLanes * kLanes] = {};
  for (std::int64_t step = 0; step < layout.n_steps; ++step) {
    const std::int64_t k = step * kLanes;
    const bool whole = n_rows >= Rows && k + kLanes <= n_in;
    if (!kDirect || !whole) {
      for (std::int64_t r = 0; r < (n_rows < Rows ? n_rows : Rows); ++r) {
        const V row = k + kLanes <= n_in ? V::load(rows + r * row_stride + k)
                                         : load_part<V>(rows + r * row_stride + k, n_in - k);
        row.store(tile + r * kLanes);
      }
    }
    for (int quarter = 0; quarter < 4; ++quarter) {
      V chains[4];
      if constexpr (kDirect) {
        V::template transpose_quarter<Rows>(whole ? rows + k + 4 * quarter : tile + 4 * quarter,
                                            whole ? row_stride : kLanes, chains);
      } else {
        V::template transpose_quarter<kLanes>(tile + 4 * quarter, kLanes, chains);
      }
      for (int i = 0; i < 4; ++i) {
        chains[i].store(to + (4 * quarter + i) * layout.stride + step * layout.width + column);
      }
    }
  }
}

}  // namespace reprise::engine::kernels
