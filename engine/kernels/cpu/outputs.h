/// The end of every matrix product: a sum becomes an output by adding bias, then residual.
#pragma once

#include "engine/kernels/cpu/lanes.h"

namespace reprise::engine::kernels {

REPRISE_INLINE void store_output(const Linear& op, std::int64_t t, std::int64_t o, float y) {
  if (!op.bias.empty()) {
    y += op.bias.data()[o];
  }
  const std::int64_t index = t * op.out.extent(1) + o;
  op.out.data()[index] = op.residual.empty() ? y : op.residual.data()[index] + y;
}

/// Outputs o .. o + n - 1 of token t, n at most 16.
template <class V>
REPRISE_INLINE void store_outputs(const Linear& op, std::int64_t t, std::int64_t o, std::int64_t n, V y) {
  if (n < kLanes) {
    alignas(64) float part[kLanes];
    y.store(part);
    for (std::int64_t i = 0; i < n; ++i) {
      store_output(op, t, o + i, part[i]);
    }
    return;
  }
  if (!op.bias.empty()) {
    y = y + V::load(op.bias.data() + o);
  }
  const std::int64_t index = t * op.out.extent(1) + o;
  if (!op.residual.empty()) {
    y = V::load(op.residual.data() + index) + y;
  }
  y.store(op.out.data() + index);
}

}  // namespace reprise::engine::kernels
