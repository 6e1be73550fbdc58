#include "engine/tests/kernels/base_reference.h"

#include "engine/kernels/reference/loops.h"

namespace reprise::engine::testing {

const KernelTable& base_reference_kernels() {
  return kernels::kLoops;
}

void base_exp_differences(float* out, const float* x, std::int64_t n, float highest, float temperature) {
  kernels::exp_differences_loop(out, x, n, highest, temperature);
}

}  // namespace reprise::engine::testing
