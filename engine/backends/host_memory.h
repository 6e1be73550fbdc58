/// Memory of the host, and a table of kernels, for backends that compute there.
#pragma once

#include "engine/backends/backend.h"
#include "engine/core/function_ref.h"

namespace reprise::engine {

/// The part of a backend that the CPU backends share: kernels read the host's memory, so nothing is copied.
class HostMemoryBackend : public Backend {
 public:
  Buffer allocate(std::size_t size_bytes) override;
  /// The tensor itself. Where it is mapped from a file, the system is asked to read it now, in large pieces.
  AnyTensorView import(const AnyTensorView& host, std::vector<Buffer>& copies) override;
  void copy_in(std::byte* to, std::span<const std::byte> from) override;
  void copy_out(std::span<std::byte> to, const std::byte* from) override;
  std::span<const float> read(const TensorView<const float>& values) override;
  [[nodiscard]] std::int64_t workspace_bytes() const override {
    return static_cast<std::int64_t>(workspace_.size_bytes());
  }

 protected:
  HostMemoryBackend(Placement placement, const KernelTable& kernels)
      : Backend(std::move(placement)), kernels_(&kernels) {}

  void perform(OperationRef op, KernelObserver* observer) override;

  /// Runs `kernel` over as many slices as `cost` is worth, each with `workspace_bytes` of memory of its own.
  /// Errors: out_of_memory when there is not as much.
  virtual void execute(const Cost& cost, std::size_t workspace_bytes, FunctionRef<void(Slice)> kernel) = 0;

  /// Memory for n_slices, workspace_stride() apart; what was there is lost. Errors: out_of_memory.
  std::byte* workspace(int n_slices, std::size_t bytes_of_slice);
  /// Slices are apart by whole lines, and not by a power of two, which would make them share cache sets.
  static std::size_t workspace_stride(std::size_t bytes_of_slice) {
    return (bytes_of_slice + 63) / 64 * 64 + 64;
  }

 private:
  const KernelTable* kernels_;
  Buffer workspace_;
};

}  // namespace reprise::engine
