/// Memory of a GPU, and memory of the host that a GPU copies from and to by itself.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>

#include "engine/kernels/hip/calls.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {

// Nothing can be done about a failure to give memory back, and nothing will be computed with it.
inline void release_memory(std::byte* memory, std::size_t /*size_bytes*/) {
  static_cast<void>(hipFree(memory));
}
inline void release_pinned(std::byte* memory) {
  static_cast<void>(hipHostFree(memory));
}

/// Errors: out_of_memory, with what was asked for and what is free.
inline std::byte* device_memory(std::size_t size_bytes, std::string_view device) {
  std::size_t free = 0;
  std::size_t total = 0;
  REPRISE_HIP_CALL(hipMemGetInfo(&free, &total));
  void* memory = nullptr;
  const hipError_t error =
      size_bytes > free ? hipErrorOutOfMemory : hipMalloc(&memory, std::max<std::size_t>(size_bytes, 1));
  if (error == hipErrorOutOfMemory) {
    static_cast<void>(hipGetLastError());
    fail(ErrorCode::out_of_memory, "memory: expected {} bytes to be available on {}, found {}", size_bytes,
         device, free);
  }
  REPRISE_HIP_CALL(error);
  return static_cast<std::byte*>(memory);
}

/// Memory of a GPU that grows to the most that was ever asked of it; what was in it is lost when it does.
/// Others can share in it: the memory that they have stays while they have it.
class Scratch {
 public:
  template <class T>
  T* as(std::int64_t count, std::string_view device) {
    const std::size_t needed = static_cast<std::size_t>(count) * sizeof(T);
    if (needed > size_bytes_) {
      memory_.reset();
      size_bytes_ = 0;  // what follows may throw
      memory_ = {device_memory(needed, device), [](std::byte* memory) { release_memory(memory, 0); }};
      size_bytes_ = needed;
    }
    return reinterpret_cast<T*>(memory_.get());
  }
  [[nodiscard]] std::shared_ptr<const void> share() const { return memory_; }
  [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }

 private:
  std::shared_ptr<std::byte> memory_;
  std::size_t size_bytes_ = 0;
};

/// Memory of the host that stays where it is, so that copies need not pass through the runtime's own. Grows
/// likewise.
class Pinned {
 public:
  std::byte* of_size(std::size_t needed) {
    if (needed > size_bytes_) {
      memory_.reset();
      size_bytes_ = 0;  // what follows may throw
      void* memory = nullptr;
      const hipError_t error = hipHostMalloc(&memory, needed);
      if (error == hipErrorOutOfMemory) {
        static_cast<void>(hipGetLastError());
        fail(ErrorCode::out_of_memory,
             "memory: expected {} bytes that a GPU can copy from to be available, found fewer", needed);
      }
      REPRISE_HIP_CALL(error);
      memory_ = {static_cast<std::byte*>(memory), release_pinned};
      size_bytes_ = needed;
    }
    return memory_.get();
  }

 private:
  std::shared_ptr<std::byte> memory_;
  std::size_t size_bytes_ = 0;
};

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD
