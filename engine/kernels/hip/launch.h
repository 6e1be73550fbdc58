/// Launchers: each puts the kernels of one operation on a stream and returns at once. Operands are in the
/// device's memory; matrices lie as layout.h says. Implemented by the *.hip files, used by device.hip.
///
/// Errors: hipGetLastError() tells whether the last launch failed; device_failed where there were more.
#pragma once

#include <cstdint>

#include "engine/core/check.h"
#include "engine/kernels/hip/device.h"
#include "engine/kernels/hip/runtime.h"
#include "engine/kernels/operations.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {

/// What differs from token to token, in the device's memory: a recorded launch reads what is there when it is
/// performed.
struct StepMemory {
  const std::int64_t* first_position = nullptr;
  const TokenId* tokens = nullptr;
};

void embed(const Embed& op, const StepMemory& step, hipStream_t stream);
void rms_norm(const RmsNorm& op, hipStream_t stream);
void layer_norm(const LayerNorm& op, hipStream_t stream);
void quantize(const Quantize& op, hipStream_t stream);
void rope(const Rope& op, const StepMemory& step, hipStream_t stream);
void store_kv(const StoreKv& op, const StepMemory& step, hipStream_t stream);
void swiglu(const SwiGlu& op, hipStream_t stream);
void gelu(const Gelu& op, hipStream_t stream);
void relu(const Relu& op, hipStream_t stream);

// Groups of Fusion (program.h), and one Linear alone.
void linear_floats(std::span<const Operation> operations, hipStream_t stream);
void linear_blocks(std::span<const Operation> operations, hipStream_t stream);
void heads(std::span<const Operation> operations, const StepMemory& step, hipStream_t stream);
void norm_into_blocks(const RmsNorm& op, const Quantize& quantize, hipStream_t stream);

// Operations of `--numerics fast`, one at a time.
/// From this many tokens on, matrix cores gain more than rounding activations costs.
inline constexpr std::int64_t kFastTokens = 16;
/// Whether this is such a product: of many tokens, with weights of 16 bits.
bool rounds_activations(const Operation& operation);
/// `rounded` is memory for the activations in 16 bits, of rounded_bytes().
void linear_fast(const Linear& op, std::byte* rounded, int n_multiprocessors, hipStream_t stream);
std::int64_t rounded_bytes(const Linear& op);
/// Whether this is attention of many tokens that has such a kernel.
bool rounds_queries(const Operation& operation);
void attention_fast(const Attention& op, const StepMemory& step, hipStream_t stream);

/// Sees at most `n_seen` positions. `scores` holds as many floats as attention_scores() says.
void attention(const Attention& op, std::int64_t n_seen, const StepMemory& step, float* scores,
               hipStream_t stream);
std::int64_t attention_scores(const Attention& op, std::int64_t n_seen);

/// Puts rows [first_row, first_row + rows.extent(0)) of a matrix, lying at `rows` as on the host, into
/// `matrix`, which has n_rows in all.
void reorder(std::byte* matrix, std::int64_t n_rows, std::int64_t first_row, const AnyTensorView& rows,
             hipStream_t stream);

/// HipDevice::measure_rates() of a device, with at most an eighth of its free memory.
DeviceRates measure_rates(const DeviceInfo& device, std::size_t free_bytes, int n_multiprocessors,
                          hipStream_t stream);

/// How many pieces of `size` cover n.
inline unsigned pieces(std::int64_t n, std::int64_t size) {
  return static_cast<unsigned>((n + size - 1) / size);
}

/// Calls f with a value of the element type.
template <class F>
void with_float_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      f(float{});
      return;
    case DType::f16:
      f(F16{});
      return;
    case DType::bf16:
      f(Bf16{});
      return;
    default:
      REPRISE_CHECK(false && "no kernel for this dtype");
  }
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
