/// All CPU kernels for one lane type, as a table. Included by target_*.cpp alone: each is compiled for its
/// own instruction set, and every template here carries the lane type in its name, so the sets never mix at
/// link time.
#pragma once

#include "engine/kernels/cpu/attention.h"
#include "engine/kernels/cpu/linear.h"
#include "engine/kernels/cpu/pointwise.h"

namespace reprise::engine::kernels {

template <class V>
constexpr KernelTable table_over(std::string_view isa) {
  return {isa,     embed<V>,    rms_norm<V>,  layer_norm<V>, quantize<V>, linear<V>,
          rope<V>, store_kv<V>, attention<V>, swiglu<V>,     gelu<V>,     relu<V>};
}

}  // namespace reprise::engine::kernels
