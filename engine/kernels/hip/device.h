/// A GPU that performs operations: its memory, copies, and a queue of work. What an operation computes is
/// operations.h's business, and the bits are the reference's, unless it computes fast. Which runtime is
/// behind it (HIP, CUDA, or the emulation) is its world's.
///
/// Used by one thread at a time. Work is done in the order it was given; copies have been made when they
/// return.
///
/// Errors: out_of_memory, saying what was asked for and what is free; device_failed for any other call of the
/// GPU's runtime that fails, with the call, its place and the runtime's message. After that the device is of
/// no use.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/kernels/cost.h"
#include "engine/kernels/hip/program.h"
#include "engine/kernels/operations.h"

namespace reprise::engine::kernels {

struct DeviceInfo {
  std::string name;          ///< "AMD Instinct MI210"
  std::string architecture;  ///< "gfx90a", "sm_90", "wave32"
  std::size_t memory_bytes = 0;
};

/// What a device can do, measured: the ceilings that its work is compared with.
struct DeviceRates {
  double copy_bytes_per_second = 0;  ///< of its memory, bytes read and bytes written together
  double f32_flops_per_second = 0;   ///< fused multiply-adds, two each
  double bf16_flops_per_second = 0;  ///< on matrix cores, if there are any; what `--numerics fast` uses
};

/// One launch, or one copy.
struct TimedWork {
  std::string
      name;   ///< of the operations: "rms_norm+linear"; or "copy_host_to_device", "copy_device_to_host"
  Cost cost;  ///< the operations' together; of a copy its bytes
  int n_operations = 0;  ///< 0 for a copy
  double seconds = 0;
  double idle_seconds = 0;  ///< between the work before it, if any was timed, and this
};

/// A program that was recorded once and is started with one call.
class Recording {
 public:
  Recording() = default;
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  virtual ~Recording() = default;
};

class HipDevice {
 public:
  HipDevice() = default;
  HipDevice(const HipDevice&) = delete;
  HipDevice& operator=(const HipDevice&) = delete;
  virtual ~HipDevice() = default;

  [[nodiscard]] virtual const DeviceInfo& info() const = 0;
  virtual std::size_t free_bytes() = 0;

  /// Zeroed memory, aligned for every operation.
  virtual std::byte* allocate(std::size_t size_bytes) = 0;
  /// Gives memory back; a function for any device of this world, so that memory may outlive the device.
  using Release = void (*)(std::byte* memory, std::size_t size_bytes);
  [[nodiscard]] virtual Release release() const = 0;

  virtual void copy_in(std::byte* to, std::span<const std::byte> from) = 0;
  virtual void copy_out(std::span<std::byte> to, const std::byte* from) = 0;
  /// The same into memory of the device's own choice, valid until the next call: no copy is faster.
  virtual std::span<const std::byte> read(const std::byte* from, std::size_t size_bytes) = 0;
  /// Puts a matrix of the host into matrix_bytes() of memory, in the order that operations read (layout.h).
  virtual void copy_matrix_in(std::byte* to, const AnyTensorView& host) = 0;

  /// Whether programs started or recorded from now on compute as `--numerics fast` says: products of many
  /// tokens with f16 and bf16 weights, and attention of many tokens, on matrix cores, operands rounded to 16
  /// bits. At first not.
  virtual void compute_fast(bool on) = 0;

  /// Starts a program, whose operands are in this device's memory; those of `input` are on the host.
  virtual void start(const Program& program, const StepInput& input) = 0;
  /// Records a program for inputs of as many tokens as its Embed's; the operands' memory must be there when
  /// it is started, and until that is done.
  virtual std::unique_ptr<Recording> record(const Program& program) = 0;
  /// Starts what this device recorded.
  virtual void start(const Recording& recording, const StepInput& input) = 0;
  /// Waits until all that was started is done.
  virtual void wait() = 0;

  /// Whether to time each launch and copy from now on: times are for programs, not for recordings.
  virtual void time(bool on) = 0;
  /// Waits, then gives the times of what was done since the last call.
  virtual std::vector<TimedWork> take_times() = 0;

  /// Measured now, in about a tenth of a second; it needs a part of the free memory.
  virtual DeviceRates measure_rates() = 0;

  /// Bytes of memory that operations have needed beside their operands.
  [[nodiscard]] virtual std::size_t workspace_bytes() const = 0;
};

/// Performs one operation, with tokens on the host, and waits for it.
void perform(HipDevice& device, const OperationRef& op);

/// Bytes of a matrix [rows, width] in a device's order.
std::size_t matrix_bytes(DType dtype, const Shape& shape);

/// One runtime and the devices it has.
struct HipWorld {
  std::string_view name;  ///< "HIP", "CUDA", "emulated"
  /// 0 without a GPU, without its driver, or with one too old for this build. Errors: device_failed.
  int (*device_count)();
  /// A device of index below device_count(). Errors: device_failed.
  std::unique_ptr<HipDevice> (*open_device)(int index);
  /// After a device_count() of 0: the runtime's message, empty if it is no more than that.
  std::string (*why_no_device)();
};

/// The emulation, which every build has. The worlds of GPUs are modules.h's.
const HipWorld& emulated_world();

}  // namespace reprise::engine::kernels
