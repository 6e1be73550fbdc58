/// Operations on a GPU, in tests: their operands are copied there, and what they may have written back.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "engine/kernels/hip/device.h"
#include "engine/kernels/hip/modules.h"

namespace reprise::engine::testing {

class GpuOperands {
 public:
  explicit GpuOperands(kernels::HipDevice& device) : device_(device) {}
  ~GpuOperands() {
    for (const auto& [host, copy] : copies_) {
      device_.release()(copy.memory, copy.size_bytes);
    }
  }
  GpuOperands(const GpuOperands&) = delete;
  GpuOperands& operator=(const GpuOperands&) = delete;

  Embed operator()(Embed op) {
    op.out = copy(op.out);
    op.table = matrix(op.table);
    op.positions = matrix(op.positions);
    return op;
  }
  RmsNorm operator()(RmsNorm op) {
    op.out = copy(op.out);
    op.x = copy(op.x);
    op.weight = copy(op.weight);
    return op;
  }
  LayerNorm operator()(LayerNorm op) {
    op.out = copy(op.out);
    op.x = copy(op.x);
    op.weight = copy(op.weight);
    op.bias = copy(op.bias);
    return op;
  }
  Quantize operator()(Quantize op) {
    op.out = {copy(op.out.values), copy(op.out.scales)};
    op.x = copy(op.x);
    return op;
  }
  Linear operator()(Linear op) {
    op.out = copy(op.out);
    op.x = copy(op.x);
    op.weight = matrix(op.weight);
    op.bias = copy(op.bias);
    op.residual = copy(op.residual);
    op.x_blocks = {copy(op.x_blocks.values), copy(op.x_blocks.scales)};
    return op;
  }
  Rope operator()(Rope op) {
    op.x = copy(op.x);
    op.cosine = copy(op.cosine);
    op.sine = copy(op.sine);
    return op;
  }
  StoreKv operator()(StoreKv op) {
    op.key_cache = copy(op.key_cache);
    op.value_cache = copy(op.value_cache);
    op.keys = copy(op.keys);
    op.values = copy(op.values);
    return op;
  }
  Attention operator()(Attention op) {
    op.out = copy(op.out);
    op.queries = copy(op.queries);
    op.key_cache = copy(op.key_cache);
    op.value_cache = copy(op.value_cache);
    return op;
  }
  SwiGlu operator()(SwiGlu op) {
    op.out = copy(op.out);
    op.gate = copy(op.gate);
    op.up = copy(op.up);
    return op;
  }
  template <class Op>  // Gelu, Relu
  Op operator()(Op op) {
    op.out = copy(op.out);
    op.x = copy(op.x);
    return op;
  }

  /// Copies everything that operations may write back to where it came from.
  void copy_back() {
    for (const auto& [host, copy] : copies_) {
      if (copy.written) {
        device_.copy_out({const_cast<std::byte*>(host), copy.size_bytes}, copy.memory);
      }
    }
  }

 private:
  struct Copy {
    std::byte* memory;
    std::size_t size_bytes;
    bool written;
  };

  /// One copy for each place on the host, so that an operation in place stays one.
  std::byte* copy_of(const std::byte* host, std::size_t size_bytes, bool written) {
    const auto [found, is_new] = copies_.try_emplace(host);
    if (is_new) {
      found->second = {device_.allocate(size_bytes), size_bytes, written};
      device_.copy_in(found->second.memory, {host, size_bytes});
    }
    REPRISE_CHECK(found->second.size_bytes == size_bytes);
    found->second.written = found->second.written || written;
    return found->second.memory;
  }

  template <class T>
  TensorView<T> copy(const TensorView<T>& host) {
    if (host.empty()) {
      return host;
    }
    const auto size_bytes = static_cast<std::size_t>(host.count()) * sizeof(T);
    return {reinterpret_cast<T*>(
                copy_of(reinterpret_cast<const std::byte*>(host.data()), size_bytes, !std::is_const_v<T>)),
            host.shape()};
  }
  template <class Byte>
  BasicAnyTensorView<Byte> copy(const BasicAnyTensorView<Byte>& host) {
    return {host.dtype(), copy_of(host.data(), host.size_bytes(), !std::is_const_v<Byte>), host.shape()};
  }
  AnyTensorView matrix(const AnyTensorView& host) {
    if (host.empty()) {
      return host;
    }
    const std::size_t size_bytes = kernels::matrix_bytes(host.dtype(), host.shape());
    const auto [found, is_new] = copies_.try_emplace(host.data());
    if (is_new) {
      found->second = {device_.allocate(size_bytes), size_bytes, false};
      device_.copy_matrix_in(found->second.memory, host);
    }
    return {host.dtype(), found->second.memory, host.shape()};
  }

  kernels::HipDevice& device_;
  std::map<const std::byte*, Copy> copies_;
};

/// Performs an operation whose operands are on the host.
template <class Op>
void run_on_gpu(kernels::HipDevice& device, const Op& op) {
  GpuOperands operands(device);
  const Op there = operands(op);
  kernels::perform(device, &there);
  operands.copy_back();
}

/// This machine's GPUs.
inline std::vector<std::unique_ptr<kernels::HipDevice>> real_gpus() {
  std::vector<std::unique_ptr<kernels::HipDevice>> devices;
  for (const kernels::HipWorld* world : kernels::gpu_worlds().worlds) {
    for (int i = 0; i < world->device_count(); ++i) {
      devices.push_back(world->open_device(i));
    }
  }
  return devices;
}

/// And the emulated ones, of every wave size.
inline std::vector<std::unique_ptr<kernels::HipDevice>> all_gpus() {
  auto devices = real_gpus();
  const kernels::HipWorld& emulated = kernels::emulated_world();
  for (int i = 0; i < emulated.device_count(); ++i) {
    devices.push_back(emulated.open_device(i));
  }
  return devices;
}

/// This machine's, and the emulated ones in turn, which take their time.
inline std::vector<std::unique_ptr<kernels::HipDevice>> gpus_of_case(std::size_t i) {
  auto devices = real_gpus();
  const kernels::HipWorld& emulated = kernels::emulated_world();
  devices.push_back(emulated.open_device(static_cast<int>(i) % emulated.device_count()));
  return devices;
}

}  // namespace reprise::engine::testing
