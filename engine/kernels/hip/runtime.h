/// The one place that knows which of three worlds compiles the kernels beside it: AMD's GPUs (HIP), NVIDIA's
/// (CUDA), or the processor, through an emulation, for any other compiler. What they do not share has one
/// name here; the rest of the folder is HIP alone.
///
/// REPRISE_HIP_MODULE is defined for GPUs, whose worlds are modules (modules.h).
///
/// Used by the kernels (*.hip), which are compiled once for each world, into the namespace REPRISE_HIP_WORLD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/core/dtype.h"

#if defined(__HIPCC__)

#include <hip/hip_fp16.h>
#include <hip/hip_runtime.h>
#define REPRISE_HIP_WORLD hip_amd
#define REPRISE_HIP_MODULE
/// Launches a kernel of one-dimensional blocks. Its error, if any, is hipGetLastError()'s.
#define REPRISE_LAUNCH(kernel, grid, n_threads, stream, ...) \
  kernel<<<grid, n_threads, 0, stream>>>(__VA_ARGS__)

#elif defined(__CUDACC__)

#include <cuda_fp16.h>
#include <cuda_runtime.h>
#define REPRISE_HIP_WORLD hip_nvidia
#define REPRISE_HIP_MODULE
#define REPRISE_LAUNCH(kernel, grid, n_threads, stream, ...) \
  kernel<<<grid, n_threads, 0, stream>>>(__VA_ARGS__)

// HIP's names for CUDA's runtime.
using hipError_t = cudaError_t;
using hipStream_t = cudaStream_t;
using hipDeviceProp_t = cudaDeviceProp;
using hipEvent_t = cudaEvent_t;
using hipGraph_t = cudaGraph_t;
using hipGraphExec_t = cudaGraphExec_t;
inline constexpr auto hipSuccess = cudaSuccess;
inline constexpr auto hipErrorOutOfMemory = cudaErrorMemoryAllocation;
inline constexpr auto hipErrorNoDevice = cudaErrorNoDevice;
inline constexpr auto hipMemcpyHostToDevice = cudaMemcpyHostToDevice;
inline constexpr auto hipMemcpyDeviceToHost = cudaMemcpyDeviceToHost;
inline constexpr auto hipMemcpyDeviceToDevice = cudaMemcpyDeviceToDevice;
inline constexpr auto hipStreamCaptureModeThreadLocal = cudaStreamCaptureModeThreadLocal;
using hipMemcpyKind = cudaMemcpyKind;
#define hipGetErrorName cudaGetErrorName
#define hipGetErrorString cudaGetErrorString
#define hipGetLastError cudaGetLastError
#define hipGetDeviceCount cudaGetDeviceCount
#define hipGetDeviceProperties cudaGetDeviceProperties
#define hipSetDevice cudaSetDevice
#define hipMalloc cudaMalloc
#define hipFree cudaFree
#define hipHostMalloc cudaMallocHost
#define hipHostFree cudaFreeHost
#define hipMemGetInfo cudaMemGetInfo
#define hipStreamCreate cudaStreamCreate
#define hipStreamDestroy cudaStreamDestroy
#define hipStreamSynchronize cudaStreamSynchronize
#define hipMemcpyAsync cudaMemcpyAsync
#define hipMemsetAsync cudaMemsetAsync
#define hipEventCreate cudaEventCreate
#define hipEventDestroy cudaEventDestroy
#define hipEventRecord cudaEventRecord
#define hipEventElapsedTime cudaEventElapsedTime
#define hipStreamBeginCapture cudaStreamBeginCapture
#define hipStreamEndCapture cudaStreamEndCapture
#define hipGraphLaunch cudaGraphLaunch
#define hipGraphDestroy cudaGraphDestroy
#define hipGraphExecDestroy cudaGraphExecDestroy

#else

#include "engine/kernels/hip/emulation/emulation.h"
#define REPRISE_HIP_WORLD hip_emulated
#define REPRISE_LAUNCH(kernel, grid, n_threads, stream, ...)                         \
  ::reprise::engine::kernels::emulation::launch(dim3(grid), dim3(n_threads), stream, \
                                                [=] { kernel(__VA_ARGS__); })

#endif

/// Before a loop: for GPUs it is unrolled, wholly or four times, or never.
#if defined(__HIPCC__) || defined(__CUDACC__)
#define REPRISE_UNROLL _Pragma("unroll")
#define REPRISE_UNROLL_4 _Pragma("unroll 4")
#define REPRISE_UNROLL_1 _Pragma("unroll 1")
#else
#define REPRISE_UNROLL
#define REPRISE_UNROLL_4
#define REPRISE_UNROLL_1
#endif

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {

/// Errors of hipGetDeviceCount() that say that there is nothing to run on.
inline bool means_no_device(hipError_t error) {
#if defined(__CUDACC__)
  return error == cudaErrorNoDevice || error == cudaErrorInsufficientDriver || error == cudaErrorStubLibrary;
#elif defined(__HIPCC__)
  return error == hipErrorNoDevice || error == hipErrorInsufficientDriver;
#else
  return error == hipErrorNoDevice;
#endif
}

#if defined(__CUDACC__)
inline constexpr const char* kRuntimeName = "CUDA";
inline std::string architecture_of(const hipDeviceProp_t& device) {
  return "sm_" + std::to_string(device.major) + std::to_string(device.minor);
}
#else
#if defined(__HIPCC__)
inline constexpr const char* kRuntimeName = "HIP";
#else
inline constexpr const char* kRuntimeName = "emulated";
#endif
/// The name that compilers know it by; HIP appends features: "gfx90a:sramecc+:xnack-".
inline std::string architecture_of(const hipDeviceProp_t& device) {
  const std::string name = device.gcnArchName;
  return name.substr(0, name.find(':'));
}
#endif

/// What hipGraphInstantiate does, which has other parameters in each runtime.
inline hipError_t instantiate(hipGraphExec_t* executable, hipGraph_t graph) {
#if defined(__CUDACC__)
  return cudaGraphInstantiate(executable, graph, 0);
#else
  return hipGraphInstantiate(executable, graph, nullptr, nullptr, 0);
#endif
}

// Where a thread stands (grids have up to three dimensions, blocks one), and what makes threads wait.
// `CallSite` is for the emulation, which names the place where threads wait for each other in vain.
#if defined(__HIPCC__) || defined(__CUDACC__)
struct CallSite {
  __device__ static constexpr CallSite current() { return {}; }
};
__device__ inline int thread_in_block() {
  return static_cast<int>(threadIdx.x);
}
__device__ inline int block_x() {
  return static_cast<int>(blockIdx.x);
}
__device__ inline int block_y() {
  return static_cast<int>(blockIdx.y);
}
__device__ inline int block_z() {
  return static_cast<int>(blockIdx.z);
}
__device__ inline void wait_for_block() {
  __syncthreads();
}
#else
using CallSite = std::source_location;
inline int thread_in_block() {
  return static_cast<int>(emulation::position().thread.x);
}
inline int block_x() {
  return static_cast<int>(emulation::position().block.x);
}
inline int block_y() {
  return static_cast<int>(emulation::position().block.y);
}
inline int block_z() {
  return static_cast<int>(emulation::position().block.z);
}
inline void wait_for_block(CallSite where = CallSite::current()) {
  emulation::wait_for_block(where);
}
#endif

// Lanes that read each other's values. Every lane of the wave must take part. T has 32 bits.

/// The value of the lane whose number differs in the bits of `mask`, at most 31.
template <class T>
__device__ inline T from_lane_xor(T value, int mask, [[maybe_unused]] CallSite where = CallSite::current()) {
  static_assert(sizeof(T) == sizeof(std::uint32_t));
#if defined(__CUDACC__)
  return __shfl_xor_sync(0xffffffffU, value, mask);
#elif defined(__HIPCC__)
  return __shfl_xor(value, mask);
#else
  const int lane = thread_in_block() % emulation::wave_size();
  return __builtin_bit_cast(
      T, emulation::exchange_in_wave(__builtin_bit_cast(std::uint32_t, value), where)[lane ^ mask]);
#endif
}

/// The value of lane `source` of the reader's own group of `width` lanes, a power of two, at most 32.
template <class T>
__device__ inline T from_lane(T value, int source, int width,
                              [[maybe_unused]] CallSite where = CallSite::current()) {
  static_assert(sizeof(T) == sizeof(std::uint32_t));
#if defined(__CUDACC__)
  return __shfl_sync(0xffffffffU, value, source, width);
#elif defined(__HIPCC__)
  return __shfl(value, source, width);
#else
  const int lane = thread_in_block() % emulation::wave_size();
  return __builtin_bit_cast(T, emulation::exchange_in_wave(__builtin_bit_cast(std::uint32_t, value),
                                                           where)[lane / width * width + source]);
#endif
}

/// The square root, correctly rounded.
__device__ inline float square_root(float x) {
#if defined(__HIPCC__)
  return sqrtf(
      x);  // of HIP's library; the builtin is an instruction that may be off by one in the last place
#else
  return __builtin_sqrtf(x);
#endif
}

/// sum + the products of four signed bytes with four signed bytes.
__device__ inline int dot4(int a, int b, int sum) {
#if defined(__CUDACC__)
  return __dp4a(a, b, sum);
#elif defined(__HIPCC__)
  // The library's, not the builtin: it has an instruction where the GPU has one, and does without where not.
  using Bytes = HIP_vector_base<char, 4>::Native_vec_;
  return __ockl_sdot4(__builtin_bit_cast(Bytes, a), __builtin_bit_cast(Bytes, b), sum, false);
#else
  for (int i = 0; i < 4; ++i) {
    sum += static_cast<std::int8_t>(a >> (8 * i)) * static_cast<std::int8_t>(b >> (8 * i));
  }
  return sum;
#endif
}

// Elements as they are stored, exactly; and rounded to nearest, ties to even, as core/dtype.h does.
__device__ inline float widen(float x) {
  return x;
}
__device__ inline float widen(Bf16 x) {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(x) << 16U);
}
__device__ inline float widen(F16 x) {
#if defined(__CUDACC__) || defined(__HIPCC__)
  return __half2float(__builtin_bit_cast(__half, static_cast<std::uint16_t>(x)));
#else
  return to_f32(x);
#endif
}

template <class T>
__device__ T narrow(float x);
template <>
__device__ inline float narrow<float>(float x) {
  return x;
}
template <>
__device__ inline F16 narrow<F16>(float x) {
#if defined(__CUDACC__) || defined(__HIPCC__)
  const auto bits = __builtin_bit_cast(std::uint32_t, x);
  if ((bits & 0x7fffffffU) > 0x7f800000U) {  // GPUs have one NaN for all
    return static_cast<F16>((bits >> 16U & 0x8000U) | 0x7e00U | (bits >> 13U & 0x3ffU));
  }
  return static_cast<F16>(__builtin_bit_cast(std::uint16_t, __float2half_rn(x)));
#else
  return to_f16(x);
#endif
}
template <>
__device__ inline Bf16 narrow<Bf16>(float x) {
  const auto bits = __builtin_bit_cast(std::uint32_t, x);
  if ((bits & 0x7fffffffU) > 0x7f800000U) {
    return static_cast<Bf16>((bits >> 16U) | 0x40U);
  }
  return static_cast<Bf16>((bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U);
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
