/// A backend: memory, and the operations of kernels/operations.h on it. The decoder's forward pass is written
/// against this class alone; where it runs and how wide is decided here.
///
/// A backend is used by one thread at a time. Work it dispatches is complete when read() returns.
#pragma once

#include <memory>
#include <span>

#include "engine/backends/buffer.h"
#include "engine/backends/placement.h"
#include "engine/core/function_ref.h"
#include "engine/kernels/cost.h"
#include "engine/kernels/operations.h"

namespace reprise::engine {

/// Told of every kernel that ran, when set: for profiles. `seconds` is wall time of the dispatch.
class KernelObserver {
 public:
  virtual ~KernelObserver() = default;
  virtual void on_kernel(Kernel kernel, const Cost& cost, double seconds) = 0;
};

class Backend {
 public:
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  [[nodiscard]] const Placement& placement() const { return placement_; }
  /// Zeroed memory of this backend. Errors: out_of_memory, with what was asked.
  virtual Buffer allocate(std::size_t size_bytes) = 0;
  /// A tensor of the host, readable by this backend's kernels: itself where they share memory, else a copy
  /// kept by the backend. The host's memory must outlive the backend.
  virtual AnyTensorView import(const AnyTensorView& host) = 0;
  /// Copies between the host and this backend's memory.
  virtual void copy_in(std::byte* to, std::span<const std::byte> from) = 0;
  virtual void copy_out(std::span<std::byte> to, const std::byte* from) = 0;
  /// Waits for everything dispatched, then gives the values on the host; valid until they are next written.
  virtual std::span<const float> read(const TensorView<const float>& values) = 0;

  /// Bytes of memory that kernels compute in, so far: the most that any operation has needed.
  [[nodiscard]] virtual std::int64_t workspace_bytes() const = 0;

  void embed(const Embed& op) { dispatch(Kernel::embed, op, kernels_->embed); }
  void rms_norm(const RmsNorm& op) { dispatch(Kernel::rms_norm, op, kernels_->rms_norm); }
  void layer_norm(const LayerNorm& op) { dispatch(Kernel::layer_norm, op, kernels_->layer_norm); }
  void quantize(const Quantize& op) { dispatch(Kernel::quantize, op, kernels_->quantize); }
  void linear(const Linear& op) { dispatch(Kernel::linear, op, kernel_of(*kernels_, op)); }
  void rope(const Rope& op) { dispatch(Kernel::rope, op, kernels_->rope); }
  void store_kv(const StoreKv& op) { dispatch(Kernel::store_kv, op, kernels_->store_kv); }
  void attention(const Attention& op) { dispatch(Kernel::attention, op, kernels_->attention); }
  void swiglu(const SwiGlu& op) { dispatch(Kernel::swiglu, op, kernels_->swiglu); }
  void gelu(const Gelu& op) { dispatch(Kernel::gelu, op, kernels_->gelu); }
  void relu(const Relu& op) { dispatch(Kernel::relu, op, kernels_->relu); }

  /// Null to stop observing. Observing makes each dispatch wait for its kernel and costs two clock readings.
  void observe(KernelObserver* observer) { observer_ = observer; }
  /// Kernels dispatched since the backend was made; profiles reconcile their records with it.
  [[nodiscard]] std::int64_t n_dispatches() const { return n_dispatches_; }

 protected:
  Backend(Placement placement, const KernelTable& kernels)
      : placement_(std::move(placement)), kernels_(&kernels) {}

  /// Runs `kernel` over as many slices as `cost` is worth, each with `workspace_bytes` of memory of its own.
  /// Errors: out_of_memory when there is not as much.
  virtual void execute(const Cost& cost, std::size_t workspace_bytes, FunctionRef<void(Slice)> kernel) = 0;

 private:
  template <class Op>
  void dispatch(Kernel name, const Op& op, void (*kernel)(const Op&, Slice)) {
    check(op);
    ++n_dispatches_;
    const Cost cost = cost_on(*kernels_, op);
    const std::size_t workspace = engine::workspace_bytes(*kernels_, op);
    const auto run = [&](Slice slice) { kernel(op, slice); };
    if (observer_ == nullptr) {
      execute(cost, workspace, run);
    } else {
      execute_observed(name, cost, workspace, run);
    }
  }
  void execute_observed(Kernel name, const Cost& cost, std::size_t workspace, FunctionRef<void(Slice)> kernel);

  Placement placement_;
  const KernelTable* kernels_;
  KernelObserver* observer_ = nullptr;
  std::int64_t n_dispatches_ = 0;
};

/// The backend of a placement, which is resolved first. Errors: those of resolved().
std::unique_ptr<Backend> make_backend(const Placement& placement);

}  // namespace reprise::engine
