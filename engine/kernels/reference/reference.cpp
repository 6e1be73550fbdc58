#include "engine/kernels/reference/reference.h"

#include "engine/core/check.h"
#include "engine/kernels/reference/loops.h"
#include "engine/kernels/reference/targets.h"

namespace reprise::engine::kernels {

#if defined(__x86_64__)
namespace {

bool has_fma() {
  return __builtin_cpu_supports("fma") != 0 && __builtin_cpu_supports("avx") != 0;
}

}  // namespace
#endif

const KernelTable& reference_kernels() {
#if defined(__x86_64__)
  if (has_fma()) {
    return kReferenceFmaKernels;
  }
#endif
  return kLoops;
}

void exp_differences(std::span<float> out, std::span<const float> x, float highest, float temperature) {
  REPRISE_CHECK(out.size() == x.size());
  auto* loop = exp_differences_loop;
#if defined(__x86_64__)
  loop = has_fma() ? exp_differences_fma : exp_differences_loop;
#endif
  loop(out.data(), x.data(), std::ssize(x), highest, temperature);
}

}  // namespace reprise::engine::kernels
