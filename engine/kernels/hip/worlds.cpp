#include "engine/kernels/hip/device.h"
#include "engine/kernels/hip/layout.h"

namespace reprise::engine::kernels {

namespace hip_emulated {
const HipWorld& world();
}

const HipWorld& emulated_world() {
  return hip_emulated::world();
}

std::size_t matrix_bytes(DType dtype, const Shape& shape) {
  if (is_block_format(dtype)) {
    return bytes_of(dtype, shape.count());
  }
  const std::int64_t stride = dtype == DType::f32 ? row_stride<float>(shape[1]) : row_stride<F16>(shape[1]);
  return bytes_of(dtype, shape[0] * stride);
}

}  // namespace reprise::engine::kernels
