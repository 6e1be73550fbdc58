/// A backend: memory, and the operations of kernels/operations.h on it. The decoder's forward pass is written
/// against this class alone; where it runs and how wide is decided here.
///
/// A backend is used by one thread at a time. Work it dispatches is complete when read() returns; submit()
/// says that memory which it uses may be given back.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "engine/backends/buffer.h"
#include "engine/backends/placement.h"
#include "engine/core/layer.h"
#include "engine/kernels/cost.h"
#include "engine/kernels/operations.h"
#include "engine/kernels/work_shape.h"

namespace reprise::engine {

/// What happened on a backend: a launch of a kernel, which may perform several operations, a copy, or
/// waiting.
struct KernelRecord {
  std::string_view
      name;   ///< "linear", "rms_norm+linear", "copy_host_to_device", "host_gap"; valid during the call
  Cost cost;  ///< of the operations together, by the cost model; the bytes of a copy
  double seconds = 0;    ///< wall time of the dispatch, or the device's own time where it keeps one
  int n_operations = 1;  ///< of those dispatched; 0 for copies and waiting
  /// When it began, on the backend's own clock, which starts anywhere: a GPU's is the sum of what it did and
  /// waited for while observed. Records of one backend come in order and never overlap.
  double start_seconds = 0;
  int layer = kNoLayer;  ///< of the first operation
  WorkShape shape = {};  ///< of a single operation; zeros for several, and for none
};

/// Told of all that happens, when set: for profiles.
class KernelObserver {
 public:
  virtual ~KernelObserver() = default;
  virtual void on_record(const KernelRecord& record) = 0;
};

class Backend {
 public:
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  [[nodiscard]] const Placement& placement() const { return placement_; }
  /// Zeroed memory of this backend. Errors: out_of_memory, with what was asked.
  virtual Buffer allocate(std::size_t size_bytes) = 0;
  /// Whether so much more memory is there, where that can be known: before the first of many allocations.
  /// Errors: out_of_memory, with what was asked for `what`, and what is free.
  virtual void expect_room(std::int64_t /*size_bytes*/, std::string_view /*what*/) {}
  /// Bytes of this backend's memory that import() takes for such a tensor.
  [[nodiscard]] virtual std::int64_t imported_bytes(DType /*dtype*/, const Shape& /*shape*/) const {
    return 0;
  }
  /// A tensor of the host, readable by this backend's kernels: itself where they share memory, else a copy in
  /// a buffer that is added to `copies`. A copied matrix is in the backend's own order: kernels can read it,
  /// and nobody else. The host's memory must outlive the tensor.
  virtual AnyTensorView import(const AnyTensorView& host, std::vector<Buffer>& copies) = 0;
  /// Copies between the host and this backend's memory.
  virtual void copy_in(std::byte* to, std::span<const std::byte> from) = 0;
  virtual void copy_out(std::span<std::byte> to, const std::byte* from) = 0;
  /// Starts everything dispatched, where that has not happened yet.
  virtual void submit() {}
  /// Waits for everything dispatched, then gives the values on the host; valid until they are next written,
  /// or the next read().
  virtual std::span<const float> read(const TensorView<const float>& values) = 0;

  /// Bytes of memory that kernels compute in, so far: the most that any operation has needed.
  [[nodiscard]] virtual std::int64_t workspace_bytes() const = 0;

  void embed(const Embed& op) { dispatch(op); }
  void rms_norm(const RmsNorm& op) { dispatch(op); }
  void layer_norm(const LayerNorm& op) { dispatch(op); }
  void quantize(const Quantize& op) { dispatch(op); }
  void linear(const Linear& op) { dispatch(op); }
  void rope(const Rope& op) { dispatch(op); }
  void store_kv(const StoreKv& op) { dispatch(op); }
  void attention(const Attention& op) { dispatch(op); }
  void swiglu(const SwiGlu& op) { dispatch(op); }
  void gelu(const Gelu& op) { dispatch(op); }
  void relu(const Relu& op) { dispatch(op); }

  /// Null to stop observing. The observer is told of a kernel by the time that read() returns, or observe().
  /// On a CPU, observing makes each dispatch cost two clock readings; on a GPU, each launch two events, and
  /// launches are not recorded ahead.
  virtual void observe(KernelObserver* observer) { observer_ = observer; }
  /// While it lives, operations belong to this layer of the model: for records. Layers do not nest.
  class LayerScope {
   public:
    LayerScope(Backend& backend, int layer);
    ~LayerScope() { backend_.layer_ = kNoLayer; }
    LayerScope(const LayerScope&) = delete;
    LayerScope& operator=(const LayerScope&) = delete;

   private:
    Backend& backend_;
  };

  /// Operations dispatched since the backend was made; profiles reconcile their records with it.
  [[nodiscard]] std::int64_t n_dispatches() const { return n_dispatches_; }

 protected:
  explicit Backend(Placement placement) : placement_(std::move(placement)) {}

  /// Of the operation that is being performed.
  [[nodiscard]] int layer() const { return layer_; }
  /// Performs an operation that was checked, or starts it; tells the observer, if one is given.
  virtual void perform(OperationRef op, KernelObserver* observer) = 0;

 private:
  template <class Op>
  void dispatch(const Op& op) {
    check(op);
    ++n_dispatches_;
    perform(&op, observer_);
  }

  Placement placement_;
  KernelObserver* observer_ = nullptr;
  std::int64_t n_dispatches_ = 0;
  int layer_ = kNoLayer;
};

/// The backend of a placement, which is resolved first. Errors: those of resolved().
std::unique_ptr<Backend> make_backend(const Placement& placement);

}  // namespace reprise::engine
