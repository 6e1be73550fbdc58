/// Matrices turned over: Futhark programs keep weights as [in, out], the engine as [out, in].
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace reprise::engine::futhark {

struct MatrixBatch {
  std::int64_t n_matrices = 1;
  std::int64_t n_rows = 0;
  std::int64_t n_columns = 0;
  std::size_t element_bytes = 4;  ///< 2 or 4

  [[nodiscard]] MatrixBatch turned() const { return {n_matrices, n_columns, n_rows, element_bytes}; }
};

/// out [n_matrices, n_columns, n_rows] of in [n_matrices, n_rows, n_columns], on all cores. Unaligned memory
/// is fine; `in` and `out` do not overlap.
void transpose(std::span<std::byte> out, const std::byte* in, const MatrixBatch& batch);

}  // namespace reprise::engine::futhark
