#include "engine/backends/backend.h"

#include "engine/backends/hip_backend.h"
#include "engine/backends/host_memory.h"
#include "engine/core/check.h"
#include "engine/core/thread_team.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/fast/fast_kernels.h"
#include "engine/kernels/reference/reference.h"

namespace reprise::engine {
namespace {

class ReferenceBackend final : public HostMemoryBackend {
 public:
  explicit ReferenceBackend(Placement placement)
      : HostMemoryBackend(std::move(placement), kernels::reference_kernels()) {}

 protected:
  void execute(const Cost& /*cost*/, std::size_t workspace_bytes, FunctionRef<void(Slice)> kernel) override {
    kernel({0, 1, workspace(1, workspace_bytes)});
  }
};

/// Kernels in less than about two microseconds run on the caller alone: waking the team would cost as much.
constexpr std::int64_t kWorthSharing = 64 * 1024;  // bytes + flops

const KernelTable& kernels_of(const Placement& placement) {
  const KernelTable& exact = kernels::cpu_kernels(placement.isa);
  return placement.numerics == "fast" ? kernels::fast_kernels(exact) : exact;
}

class CpuBackend final : public HostMemoryBackend {
 public:
  explicit CpuBackend(Placement placement)
      : HostMemoryBackend(placement, kernels_of(placement)), team_(placement.threads) {}

 protected:
  void execute(const Cost& cost, std::size_t workspace_bytes, FunctionRef<void(Slice)> kernel) override {
    const int n_slices = cost.bytes + cost.flops < kWorthSharing ? 1 : team_.size();
    std::byte* memory = workspace(n_slices, workspace_bytes);
    const std::size_t stride = workspace_bytes == 0 ? 0 : workspace_stride(workspace_bytes);
    const auto run = [&](int i) { kernel({i, n_slices, memory + static_cast<std::size_t>(i) * stride}); };
    if (n_slices == 1) {
      run(0);
    } else {
      team_.run(run);
    }
  }

 private:
  ThreadTeam team_;
};

}  // namespace

Backend::LayerScope::LayerScope(Backend& backend, int layer) : backend_(backend) {
  REPRISE_CHECK(layer >= 0 && backend.layer_ == kNoLayer);
  backend.layer_ = layer;
}

std::unique_ptr<Backend> make_backend(const Placement& placement) {
  Placement actual = resolved(placement);
  if (actual.backend == "reference") {
    return std::make_unique<ReferenceBackend>(std::move(actual));
  }
  if (is_hip(actual)) {
    return make_hip_backend(std::move(actual));
  }
  return std::make_unique<CpuBackend>(std::move(actual));
}

}  // namespace reprise::engine
