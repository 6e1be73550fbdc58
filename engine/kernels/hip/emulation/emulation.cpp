#include "engine/kernels/hip/emulation/emulation.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/kernels/hip/emulation/planned_failures.h"

namespace emulation = reprise::engine::kernels::emulation;

namespace {

constexpr std::array<emulation::DeviceKind, 2> kDevices = {
    {{.wave_size = 32, .backwards = false}, {.wave_size = 64, .backwards = true}}};
thread_local int device_index = 0;
thread_local hipError_t launch_error = hipSuccess;

/// A failure that somebody ordered.
struct PlannedFailure {
  std::string function;
  int calls_left = 0;
  hipError_t error = hipSuccess;
};

/// What REPRISE_EMULATED_FAILURE orders.
PlannedFailure failure_of_environment() {
  PlannedFailure failure;
  if (const char* const ordered = std::getenv("REPRISE_EMULATED_FAILURE")) {
    std::istringstream text(ordered);
    text >> failure.function >> failure.calls_left;
    failure.error = hipErrorLaunchFailure;
  }
  return failure;
}
thread_local PlannedFailure planned = failure_of_environment();

/// What is allocated, so that a device can be full.
struct DeviceMemory {
  std::mutex mutex;
  std::unordered_map<void*, std::size_t> sizes;
  std::map<const void*, std::size_t> pinned;  // of the host
  std::size_t used_bytes = 0;
  std::size_t claimed_bytes = 0;

  [[nodiscard]] std::size_t total_bytes() const {
    return claimed_bytes != 0 ? claimed_bytes
                              : static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) *
                                    static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  }
};
DeviceMemory& device_memory() {
  static DeviceMemory memory;
  return memory;
}

/// GPUs give memory in such pieces; kernels load 16 bytes at a time.
constexpr std::size_t kAlignment = 256;

void* aligned_memory(std::size_t size_bytes) {
  return std::aligned_alloc(
      kAlignment, std::max<std::size_t>((size_bytes + kAlignment - 1) / kAlignment, 1) * kAlignment);
}

template <class... Copied>
void copy_text(char (&to)[256], const char* format, Copied... values) {
  std::snprintf(to, sizeof(to), format, values...);
}

}  // namespace

namespace reprise::engine::kernels::emulation {

hipError_t planned_error(std::string_view function) {
  if (planned.calls_left == 0 || planned.function != function || --planned.calls_left > 0) {
    return hipSuccess;
  }
  return planned.error;
}

bool is_pinned(const void* memory, std::size_t size_bytes) {
  DeviceMemory& device = device_memory();
  const std::lock_guard lock(device.mutex);
  const auto after = device.pinned.upper_bound(memory);
  if (after == device.pinned.begin()) {
    return false;
  }
  const auto& [begin, size] = *std::prev(after);
  return static_cast<const std::byte*>(memory) + size_bytes <= static_cast<const std::byte*>(begin) + size;
}

void fail_call(const char* function, int n, int error) {
  planned = {function, n, static_cast<hipError_t>(error)};
}

void set_memory_bytes(std::size_t bytes) {
  const std::lock_guard lock(device_memory().mutex);
  device_memory().claimed_bytes = bytes;
}

bool begin_launch(Index3 grid, Index3 block) {
  const std::size_t n_threads = std::size_t{block.x} * block.y * block.z;
  launch_error = planned_error("launch");
  if (launch_error == hipSuccess && (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 ||
                                     grid.z > 65535 || n_threads == 0 || n_threads > kMaxThreads)) {
    launch_error = hipErrorInvalidValue;
  }
  return launch_error == hipSuccess;
}

const DeviceKind& current_device() {
  return kDevices[static_cast<std::size_t>(device_index)];
}

}  // namespace reprise::engine::kernels::emulation

const char* hipGetErrorName(hipError_t error) {
  switch (error) {
    case hipSuccess:
      return "hipSuccess";
    case hipErrorInvalidValue:
      return "hipErrorInvalidValue";
    case hipErrorOutOfMemory:
      return "hipErrorOutOfMemory";
    case hipErrorNoDevice:
      return "hipErrorNoDevice";
    case hipErrorInvalidHandle:
      return "hipErrorInvalidHandle";
    case hipErrorLaunchFailure:
      return "hipErrorLaunchFailure";
    case hipErrorStreamCaptureUnsupported:
      return "hipErrorStreamCaptureUnsupported";
  }
  return "hipErrorUnknown";
}

const char* hipGetErrorString(hipError_t error) {
  switch (error) {
    case hipSuccess:
      return "no error";
    case hipErrorInvalidValue:
      return "invalid argument";
    case hipErrorOutOfMemory:
      return "out of memory";
    case hipErrorNoDevice:
      return "no such device";
    case hipErrorInvalidHandle:
      return "no such event, or one that was not recorded";
    case hipErrorLaunchFailure:
      return "a kernel failed";
    case hipErrorStreamCaptureUnsupported:
      return "not allowed while a stream is being captured";
  }
  return "unknown error";
}

hipError_t hipGetLastError() {
  return std::exchange(launch_error, hipSuccess);
}

hipError_t hipGetDeviceCount(int* count) {
  FAIL_AS_PLANNED();
  *count = static_cast<int>(kDevices.size());
  return hipSuccess;
}

hipError_t hipGetDeviceProperties(hipDeviceProp_t* properties, int device) {
  FAIL_AS_PLANNED();
  if (device < 0 || device >= static_cast<int>(kDevices.size())) {
    return hipErrorNoDevice;
  }
  const emulation::DeviceKind& kind = kDevices[static_cast<std::size_t>(device)];
  copy_text(properties->name, "emulated GPU, waves of %d", kind.wave_size);
  copy_text(properties->gcnArchName, "wave%d", kind.wave_size);
  const std::lock_guard lock(device_memory().mutex);
  properties->totalGlobalMem = device_memory().total_bytes();
  properties->multiProcessorCount = 4;  // so few that small tests fill them
  properties->warpSize = kind.wave_size;
  return hipSuccess;
}

hipError_t hipSetDevice(int device) {
  FAIL_AS_PLANNED();
  if (device < 0 || device >= static_cast<int>(kDevices.size())) {
    return hipErrorNoDevice;
  }
  device_index = device;
  return hipSuccess;
}

hipError_t hipMalloc(void** memory, std::size_t size_bytes) {
  FAIL_AS_PLANNED();
  DeviceMemory& device = device_memory();
  const std::lock_guard lock(device.mutex);
  if (size_bytes > device.total_bytes() - std::min(device.used_bytes, device.total_bytes())) {
    return hipErrorOutOfMemory;
  }
  *memory = aligned_memory(size_bytes);
  if (*memory == nullptr) {
    return hipErrorOutOfMemory;
  }
  std::memset(*memory, 0xff, size_bytes);  // nobody may count on zeros: a NaN in every float format
  device.sizes[*memory] = size_bytes;
  device.used_bytes += size_bytes;
  return hipSuccess;
}

hipError_t hipFree(void* memory) {
  FAIL_AS_PLANNED();
  DeviceMemory& device = device_memory();
  const std::lock_guard lock(device.mutex);
  if (const auto found = device.sizes.find(memory); found != device.sizes.end()) {
    device.used_bytes -= found->second;
    device.sizes.erase(found);
    std::free(memory);
    return hipSuccess;
  }
  return memory == nullptr ? hipSuccess : hipErrorInvalidValue;
}

hipError_t hipHostMalloc(void** memory, std::size_t size_bytes, unsigned /*flags*/) {
  FAIL_AS_PLANNED();
  *memory = aligned_memory(size_bytes);
  if (*memory == nullptr) {
    return hipErrorOutOfMemory;
  }
  const std::lock_guard lock(device_memory().mutex);
  device_memory().pinned[*memory] = size_bytes;
  return hipSuccess;
}

hipError_t hipHostFree(void* memory) {
  FAIL_AS_PLANNED();
  const std::lock_guard lock(device_memory().mutex);
  device_memory().pinned.erase(memory);
  std::free(memory);
  return hipSuccess;
}

hipError_t hipMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  FAIL_AS_PLANNED();
  DeviceMemory& device = device_memory();
  const std::lock_guard lock(device.mutex);
  *total_bytes = device.total_bytes();
  *free_bytes = *total_bytes - std::min(device.used_bytes, *total_bytes);
  return hipSuccess;
}
