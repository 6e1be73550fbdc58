/// How large an operation is, in the words of its result: for timelines, where "linear" alone does not tell
/// the logits from a key. Used by backends, for their records.
#pragma once

#include <cstdint>

#include "engine/kernels/operations.h"

namespace reprise::engine {

struct WorkShape {
  std::int64_t rows = 0;     ///< of the result: tokens, or tokens times heads
  std::int64_t columns = 0;  ///< of the result
  std::int64_t terms = 0;  ///< that each element of it sums: inputs of a product, positions seen by the last
                           ///< token of an attention; 0 where the operation is no product

  bool operator==(const WorkShape&) const = default;
};

WorkShape shape_of(const OperationRef& op);

}  // namespace reprise::engine
