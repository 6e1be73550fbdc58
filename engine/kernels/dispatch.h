/// From a dtype known at run time to an element type known at compile time.
#pragma once

#include "engine/core/tensor_view.h"

namespace reprise::engine::kernels {

/// Calls f with the view as TensorView<float, F16 or Bf16>; any other dtype is a caller's bug.
template <class Byte, class F>
REPRISE_INLINE void with_element_type(const BasicAnyTensorView<Byte>& view, F&& f) {
  switch (view.dtype()) {
    case DType::f32:
      f(view.template as<float>());
      return;
    case DType::f16:
      f(view.template as<F16>());
      return;
    case DType::bf16:
      f(view.template as<Bf16>());
      return;
    default:
      REPRISE_CHECK(false && "no kernel for this dtype");
  }
}

}  // namespace reprise::engine::kernels
