/// Tensors rewritten for another file: other dtype, rows in another order, several put together, transposed.
/// Used by the converters.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/model/model.h"

namespace reprise::engine {

enum class RowOrder : std::uint8_t {
  kept,
  to_interleaved,  ///< within each head of head_dim rows: (i, i + head_dim / 2) become (2 i, 2 i + 1)
  to_halves,       ///< the reverse
};

/// A tensor as another file has it.
struct RewrittenTensor {
  std::string name;                  ///< for messages
  std::vector<AnyTensorView> parts;  ///< rows of each, one after the other; rank 1 or 2, equal inner extents
  DType dtype = DType::f32;          ///< of the result
  RowOrder order = RowOrder::kept;
  std::int64_t head_dim = 0;  ///< where the order changes
  bool transposed = false;    ///< the result is [in, out]

  [[nodiscard]] std::int64_t n_rows() const;
  /// 1 for vectors.
  [[nodiscard]] std::int64_t row_extent() const;
  [[nodiscard]] std::size_t size_bytes() const;
};

/// Writes tensor.size_bytes() bytes, on all cores. Errors: invalid_argument for rows that are no whole
/// blocks, invalid_data for elements that blocks cannot hold; `model` stands in messages.
void rewrite(const RewrittenTensor& tensor, std::span<std::byte> out, const std::string& model);

}  // namespace reprise::engine
