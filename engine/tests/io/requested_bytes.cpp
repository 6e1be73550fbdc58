#include "engine/tests/io/requested_bytes.h"

#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t requested = 0;

void* allocate(std::size_t size) noexcept {
  requested += size;
  return std::malloc(size != 0 ? size : 1);
}

}  // namespace

namespace reprise::engine {

std::size_t requested_bytes() {
  return requested;
}

}  // namespace reprise::engine

// In a file of their own, where no expression can pair an inlined one with a foreign counterpart.
void* operator new(std::size_t size) {
  void* memory = allocate(size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
