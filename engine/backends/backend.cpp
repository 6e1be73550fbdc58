#include "engine/backends/backend.h"

#include "engine/backends/host_memory.h"
#include "engine/core/monotonic.h"
#include "engine/core/thread_team.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/reference/reference.h"

namespace reprise::engine {
namespace {

class ReferenceBackend final : public HostMemoryBackend {
 public:
  explicit ReferenceBackend(Placement placement)
      : HostMemoryBackend(std::move(placement), kernels::reference_kernels()) {}

  [[nodiscard]] int max_slices() const override { return 1; }

 protected:
  void execute(const Cost& /*cost*/, FunctionRef<void(Slice)> kernel) override { kernel({0, 1}); }
};

/// Kernels in less than about two microseconds run on the caller alone: waking the team would cost as much.
constexpr std::int64_t kWorthSharing = 64 * 1024;  // bytes + flops

class CpuBackend final : public HostMemoryBackend {
 public:
  explicit CpuBackend(Placement placement)
      : HostMemoryBackend(placement, kernels::cpu_kernels(placement.isa)), team_(placement.threads) {}

  [[nodiscard]] int max_slices() const override { return team_.size(); }

 protected:
  void execute(const Cost& cost, FunctionRef<void(Slice)> kernel) override {
    if (team_.size() == 1 || cost.bytes + cost.flops < kWorthSharing) {
      kernel({0, 1});
      return;
    }
    team_.run([&](int member) { kernel({member, team_.size()}); });
  }

 private:
  ThreadTeam team_;
};

}  // namespace

void Backend::execute_observed(Kernel name, const Cost& cost, FunctionRef<void(Slice)> kernel) {
  const double start = monotonic_seconds();
  execute(cost, kernel);
  observer_->on_kernel(name, cost, monotonic_seconds() - start);
}

std::unique_ptr<Backend> make_backend(const Placement& placement) {
  Placement actual = resolved(placement);
  if (actual.backend == "reference") {
    return std::make_unique<ReferenceBackend>(std::move(actual));
  }
  return std::make_unique<CpuBackend>(std::move(actual));
}

}  // namespace reprise::engine
