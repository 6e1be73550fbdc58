// Streams, events and graphs of the emulated HIP. Work is done when it is put on a stream, unless that is
// captured.
#include <cstring>
#include <utility>
#include <vector>

#include "engine/core/monotonic.h"
#include "engine/kernels/hip/emulation/planned_failures.h"

namespace emulation = reprise::engine::kernels::emulation;

struct EmulatedGraph {
  std::vector<std::function<void()>> work;
};
struct EmulatedStream {
  EmulatedGraph* captures = nullptr;
};
struct EmulatedEvent {
  double seconds = -1;  // when it was recorded
};

namespace reprise::engine::kernels::emulation {

void put_on_stream(hipStream_t stream, std::function<void()> work) {
  if (stream != nullptr && stream->captures != nullptr) {
    stream->captures->work.push_back(std::move(work));
  } else {
    work();
  }
}

}  // namespace reprise::engine::kernels::emulation

hipError_t hipStreamCreate(hipStream_t* stream) {
  FAIL_AS_PLANNED();
  *stream = new EmulatedStream;
  return hipSuccess;
}

hipError_t hipStreamDestroy(hipStream_t stream) {
  FAIL_AS_PLANNED();
  delete stream;
  return hipSuccess;
}

hipError_t hipStreamSynchronize(hipStream_t stream) {
  FAIL_AS_PLANNED();
  return stream != nullptr && stream->captures != nullptr ? hipErrorStreamCaptureUnsupported : hipSuccess;
}

hipError_t hipMemcpyAsync(void* to, const void* from, std::size_t size_bytes, hipMemcpyKind kind,
                          hipStream_t stream) {
  FAIL_AS_PLANNED();
  const void* const on_host = kind == hipMemcpyHostToDevice ? from : to;
  if (stream != nullptr && stream->captures != nullptr && kind != hipMemcpyDeviceToDevice &&
      !emulation::is_pinned(on_host, size_bytes)) {
    return hipErrorStreamCaptureUnsupported;
  }
  if (size_bytes > 0) {  // else there may be no memory at all
    emulation::put_on_stream(stream, [=] { std::memmove(to, from, size_bytes); });
  }
  return hipSuccess;
}

hipError_t hipMemsetAsync(void* memory, int byte, std::size_t size_bytes, hipStream_t stream) {
  FAIL_AS_PLANNED();
  if (size_bytes > 0) {
    emulation::put_on_stream(stream, [=] { std::memset(memory, byte, size_bytes); });
  }
  return hipSuccess;
}

hipError_t hipEventCreate(hipEvent_t* event) {
  FAIL_AS_PLANNED();
  *event = new EmulatedEvent;
  return hipSuccess;
}

hipError_t hipEventDestroy(hipEvent_t event) {
  FAIL_AS_PLANNED();
  delete event;
  return hipSuccess;
}

hipError_t hipEventRecord(hipEvent_t event, hipStream_t /*stream*/) {
  FAIL_AS_PLANNED();
  event->seconds = reprise::engine::monotonic_seconds();
  return hipSuccess;
}

hipError_t hipEventElapsedTime(float* milliseconds, hipEvent_t start, hipEvent_t stop) {
  FAIL_AS_PLANNED();
  if (start->seconds < 0 || stop->seconds < 0) {
    return hipErrorInvalidHandle;
  }
  *milliseconds = static_cast<float>((stop->seconds - start->seconds) * 1e3);
  return hipSuccess;
}

hipError_t hipStreamBeginCapture(hipStream_t stream, hipStreamCaptureMode /*mode*/) {
  FAIL_AS_PLANNED();
  if (stream->captures != nullptr) {
    return hipErrorStreamCaptureUnsupported;
  }
  stream->captures = new EmulatedGraph;
  return hipSuccess;
}

hipError_t hipStreamEndCapture(hipStream_t stream, hipGraph_t* graph) {
  *graph = std::exchange(stream->captures, nullptr);
  if (*graph == nullptr) {
    return hipErrorInvalidValue;
  }
  if (const hipError_t error = emulation::planned_error(__func__); error != hipSuccess) {
    delete std::exchange(*graph, nullptr);  // a capture that fails has ended, too
    return error;
  }
  return hipSuccess;
}

hipError_t hipGraphInstantiate(hipGraphExec_t* executable, hipGraph_t graph, hipGraphNode_t* /*error_node*/,
                               char* /*log*/, std::size_t /*log_bytes*/) {
  FAIL_AS_PLANNED();
  *executable = new EmulatedGraph(*graph);
  return hipSuccess;
}

hipError_t hipGraphLaunch(hipGraphExec_t executable, hipStream_t stream) {
  FAIL_AS_PLANNED();
  for (const auto& work : executable->work) {
    emulation::put_on_stream(stream, work);
  }
  return hipSuccess;
}

hipError_t hipGraphDestroy(hipGraph_t graph) {
  FAIL_AS_PLANNED();
  delete graph;
  return hipSuccess;
}

hipError_t hipGraphExecDestroy(hipGraphExec_t executable) {
  FAIL_AS_PLANNED();
  delete executable;
  return hipSuccess;
}
