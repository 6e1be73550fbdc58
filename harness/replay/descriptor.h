/// Owns a file descriptor. Used by ChildProcess.
#pragma once

#include <unistd.h>

#include <utility>

namespace reprise::harness {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
    return *this;
  }

  void close() {
    if (const int descriptor = std::exchange(descriptor_, -1); descriptor >= 0) {
      ::close(descriptor);
    }
  }
  /// -1 when closed, which poll(2) passes over.
  [[nodiscard]] int get() const { return descriptor_; }
  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

}  // namespace reprise::harness
