/// Memory of the host for backends that compute there.
#pragma once

#include "engine/backends/backend.h"

namespace reprise::engine {

/// The part of a backend that the CPU backends share: kernels read the host's memory, so nothing is copied.
class HostMemoryBackend : public Backend {
 public:
  Buffer allocate(std::size_t size_bytes) override;
  AnyTensorView import(const AnyTensorView& host) override { return host; }
  void copy_in(std::byte* to, std::span<const std::byte> from) override;
  void copy_out(std::span<std::byte> to, const std::byte* from) override;
  std::span<const float> read(const TensorView<const float>& values) override;

 protected:
  using Backend::Backend;
};

}  // namespace reprise::engine
