#include "engine/backends/hip_backend.h"

#include <fmt/format.h>

#include <vector>

#include "engine/backends/hip_queue.h"
#include "engine/core/error.h"
#include "engine/kernels/hip/modules.h"

namespace reprise::engine {
namespace {

class HipBackend final : public Backend {
 public:
  HipBackend(Placement placement, std::unique_ptr<kernels::HipDevice> device)
      : Backend(std::move(placement)), device_(std::move(device)), queue_(*device_) {}

  Buffer allocate(std::size_t size_bytes) override {
    return {device_->allocate(size_bytes), size_bytes, device_->release()};
  }
  void expect_room(std::int64_t size_bytes, std::string_view what) override {
    const auto free = static_cast<std::int64_t>(device_->free_bytes());
    if (size_bytes > free) {
      fail(ErrorCode::out_of_memory, "memory: expected {} bytes for {} to be available on {}, found {}",
           size_bytes, what, device_->info().name, free);
    }
  }

  [[nodiscard]] std::int64_t imported_bytes(DType dtype, const Shape& shape) const override {
    return static_cast<std::int64_t>(is_matrix(shape) ? kernels::matrix_bytes(dtype, shape)
                                                      : bytes_of(dtype, shape.count()));
  }
  AnyTensorView import(const AnyTensorView& host, std::vector<Buffer>& copies) override {
    const Buffer& copy =
        copies.emplace_back(allocate(static_cast<std::size_t>(imported_bytes(host.dtype(), host.shape()))));
    if (is_matrix(host.shape())) {
      device_->copy_matrix_in(copy.data(), host);
    } else {
      device_->copy_in(copy.data(), {host.data(), host.size_bytes()});
    }
    return {host.dtype(), copy.data(), host.shape()};
  }

  void copy_in(std::byte* to, std::span<const std::byte> from) override {
    queue_.start();
    device_->copy_in(to, from);
  }
  void copy_out(std::span<std::byte> to, const std::byte* from) override {
    queue_.start();
    device_->copy_out(to, from);
  }
  void submit() override { queue_.start(); }
  std::span<const float> read(const TensorView<const float>& values) override {
    queue_.start();
    const auto n = static_cast<std::size_t>(values.count());
    const auto bytes = device_->read(reinterpret_cast<const std::byte*>(values.data()), n * sizeof(float));
    queue_.report();
    return {reinterpret_cast<const float*>(bytes.data()), n};
  }
  void observe(KernelObserver* observer) override { queue_.observe(observer); }

  [[nodiscard]] std::int64_t workspace_bytes() const override {
    return static_cast<std::int64_t>(device_->workspace_bytes());
  }

 protected:
  void perform(OperationRef op, KernelObserver* /*observer*/) override { queue_.add(op, layer()); }

 private:
  static bool is_matrix(const Shape& shape) { return shape.rank() == 2; }

  std::unique_ptr<kernels::HipDevice> device_;
  HipQueue queue_;
};

std::vector<const kernels::HipWorld*> worlds_of(const Placement& placement) {
  return placement.backend == "hip" ? kernels::gpu_worlds().worlds : std::vector{&kernels::emulated_world()};
}

/// "HIP: only gfx90a, gfx1031", or "CUDA: no device: driver too old".
std::string devices_of(const kernels::HipWorld& world) {
  const int n_devices = world.device_count();
  if (n_devices == 0) {
    const std::string why = world.why_no_device();
    return fmt::format("{}: no device{}{}", world.name, why.empty() ? "" : ": ", why);
  }
  std::vector<std::string> architectures;
  for (int i = 0; i < n_devices; ++i) {
    architectures.push_back(world.open_device(i)->info().architecture);
  }
  return fmt::format("{}: only {}", world.name, fmt::join(architectures, ", "));
}

[[noreturn]] void fail_without_device(const Placement& placement) {
  std::vector<std::string> found;
  for (const kernels::HipWorld* world : worlds_of(placement)) {
    found.push_back(devices_of(*world));
  }
  if (placement.backend == "hip") {
    found.insert(found.end(), kernels::gpu_worlds().problems.begin(), kernels::gpu_worlds().problems.end());
  }
  fail(ErrorCode::unsupported, "placement: {}, found {}",
       placement.isa == "auto" ? "backend: expected a GPU for hip (hip-emulated needs none)"
                               : fmt::format("isa: expected a device of the architecture {}", placement.isa),
       fmt::join(found, "; "));
}

}  // namespace

bool is_hip(const Placement& placement) {
  return placement.backend == "hip" || placement.backend == "hip-emulated";
}

std::unique_ptr<kernels::HipDevice> find_hip_device(const Placement& placement) {
  for (const kernels::HipWorld* world : worlds_of(placement)) {
    const int n_devices = world->device_count();
    for (int i = 0; i < n_devices; ++i) {
      auto device = world->open_device(i);
      if (placement.isa == "auto" || placement.isa == device->info().architecture) {
        return device;
      }
    }
  }
  return nullptr;
}

Placement resolved_hip(Placement placement) {
  if (placement.threads < 0 || placement.threads > 1) {
    fail(ErrorCode::invalid_argument, "placement: threads: expected 1 with backend {}, found {}",
         placement.backend, placement.threads);
  }
  const auto device = find_hip_device(placement);
  if (device == nullptr) {
    fail_without_device(placement);
  }
  placement.isa = device->info().architecture;
  placement.threads = 1;
  return placement;
}

std::unique_ptr<Backend> make_hip_backend(Placement placement) {
  auto device = find_hip_device(placement);
  REPRISE_CHECK(device != nullptr);
  device->compute_fast(placement.numerics == "fast");
  return std::make_unique<HipBackend>(std::move(placement), std::move(device));
}

}  // namespace reprise::engine
