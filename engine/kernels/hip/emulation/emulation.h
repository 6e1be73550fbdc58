/// The small part of HIP that the kernels and their device use, on the processor. Included by runtime.h
/// where neither a HIP nor a CUDA compiler is at work; the names are HIP's, and what they do is what
/// HIP's do, except that everything is done when a call returns.
///
/// Two devices: 0 has waves of 32 threads (as RDNA and NVIDIA's GPUs), 1 of 64 (as CDNA), and its
/// threads take turns in the reverse order. Memory is the process's own, so sanitizers watch it.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>

#include "engine/core/dtype.h"
#include "engine/kernels/hip/emulation/block_threads.h"

#define __global__
#define __device__
#define __shared__ static thread_local  // a block stays on one thread of the processor
#define __launch_bounds__(n_threads)

namespace reprise::engine::kernels::emulation {

/// For tests: the calling thread's n-th call from now on (1: the next) to the function of this name, or
/// "launch", fails once, with this error, and does nothing. One such failure is planned at a time.
/// In a program's own tests the environment plans one for each thread, hipErrorLaunchFailure:
/// REPRISE_EMULATED_FAILURE="launch 30".
void fail_call(const char* function, int n, int error);
/// For tests: bytes that the devices, which share their memory, claim to have in all; 0 for what the
/// machine has.
void set_memory_bytes(std::size_t bytes);

}  // namespace reprise::engine::kernels::emulation

// NOLINTBEGIN(readability-identifier-naming): HIP's names

enum hipError_t : int {
  hipSuccess = 0,
  hipErrorInvalidValue = 1,
  hipErrorOutOfMemory = 2,
  hipErrorNoDevice = 100,
  hipErrorInvalidHandle = 400,
  hipErrorLaunchFailure = 719,
  hipErrorStreamCaptureUnsupported = 900,
};
const char* hipGetErrorName(hipError_t error);
const char* hipGetErrorString(hipError_t error);
/// The error of the calling thread's last launch, which it forgets: as in older HIP, a launch that
/// succeeds hides the error of the one before.
hipError_t hipGetLastError();

struct dim3 : reprise::engine::kernels::emulation::Index3 {
  dim3(unsigned nx = 1, unsigned ny = 1, unsigned nz = 1) : Index3{nx, ny, nz} {}
};

struct hipDeviceProp_t {
  char name[256];
  char gcnArchName[256];
  std::size_t totalGlobalMem;
  int multiProcessorCount;
  int warpSize;
};
hipError_t hipGetDeviceCount(int* count);
hipError_t hipGetDeviceProperties(hipDeviceProp_t* properties, int device);
hipError_t hipSetDevice(int device);

hipError_t hipMalloc(void** memory, std::size_t size_bytes);
hipError_t hipFree(void* memory);
hipError_t hipHostMalloc(void** memory, std::size_t size_bytes, unsigned flags = 0);
hipError_t hipHostFree(void* memory);
hipError_t hipMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes);

using hipStream_t = struct EmulatedStream*;
hipError_t hipStreamCreate(hipStream_t* stream);
hipError_t hipStreamDestroy(hipStream_t stream);
hipError_t hipStreamSynchronize(hipStream_t stream);

enum hipMemcpyKind { hipMemcpyHostToDevice, hipMemcpyDeviceToHost, hipMemcpyDeviceToDevice };
hipError_t hipMemcpyAsync(void* to, const void* from, std::size_t size_bytes, hipMemcpyKind kind,
                          hipStream_t stream);
hipError_t hipMemsetAsync(void* memory, int byte, std::size_t size_bytes, hipStream_t stream);

using hipEvent_t = struct EmulatedEvent*;
hipError_t hipEventCreate(hipEvent_t* event);
hipError_t hipEventDestroy(hipEvent_t event);
hipError_t hipEventRecord(hipEvent_t event, hipStream_t stream);
hipError_t hipEventElapsedTime(float* milliseconds, hipEvent_t start, hipEvent_t stop);

// Between begin and end, work that is put on the stream is not done but kept in a graph. Waiting for the
// stream is an error then, and so is a copy from or to memory of the host that is not hipHostMalloc's.
enum hipStreamCaptureMode { hipStreamCaptureModeGlobal, hipStreamCaptureModeThreadLocal };
using hipGraph_t = struct EmulatedGraph*;
using hipGraphExec_t = struct EmulatedGraph*;
using hipGraphNode_t = struct EmulatedGraphNode*;
hipError_t hipStreamBeginCapture(hipStream_t stream, hipStreamCaptureMode mode);
hipError_t hipStreamEndCapture(hipStream_t stream, hipGraph_t* graph);
hipError_t hipGraphInstantiate(hipGraphExec_t* executable, hipGraph_t graph, hipGraphNode_t* error_node,
                               char* log, std::size_t log_bytes);
hipError_t hipGraphLaunch(hipGraphExec_t executable, hipStream_t stream);
hipError_t hipGraphDestroy(hipGraph_t graph);
hipError_t hipGraphExecDestroy(hipGraphExec_t executable);

// NOLINTEND(readability-identifier-naming)

namespace reprise::engine::kernels::emulation {

/// Whether a launch may go on: no failure was asked for and the extents are allowed. Else
/// hipGetLastError() tells.
bool begin_launch(Index3 grid, Index3 block);
const DeviceKind& current_device();
/// Does the work, or keeps it where the stream is being captured.
void put_on_stream(hipStream_t stream, std::function<void()> work);

template <class Kernel>
void launch(Index3 grid, Index3 block, hipStream_t stream, const Kernel& kernel) {
  if (begin_launch(grid, block)) {
    put_on_stream(stream, [=] { run_grid(current_device(), grid, block, kernel); });
  }
}

}  // namespace reprise::engine::kernels::emulation
