/// Memory that a backend allocated, freed with the object. 64-byte aligned; starts as zeros.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/core/tensor_view.h"

namespace reprise::engine {

class Buffer {
 public:
  using Release = void (*)(std::byte*, std::size_t size_bytes);

  Buffer() = default;
  Buffer(std::byte* data, std::size_t size_bytes, Release release) : data_(data, {size_bytes, release}) {}

  [[nodiscard]] std::byte* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size_bytes() const { return data_.get_deleter().size_bytes; }

  /// The buffer's start as a tensor of f32.
  [[nodiscard]] TensorView<float> as_f32(Shape shape) const {
    REPRISE_CHECK(static_cast<std::size_t>(shape.count()) * sizeof(float) <= size_bytes());
    return {reinterpret_cast<float*>(data()), shape};
  }
  [[nodiscard]] TensorView<std::int8_t> as_bytes(Shape shape) const {
    REPRISE_CHECK(static_cast<std::size_t>(shape.count()) <= size_bytes());
    return {reinterpret_cast<std::int8_t*>(data()), shape};
  }
  [[nodiscard]] MutableAnyTensorView as(DType dtype, Shape shape) const {
    const MutableAnyTensorView view(dtype, data(), shape);
    REPRISE_CHECK(view.size_bytes() <= size_bytes());
    return view;
  }

 private:
  struct Deleter {
    std::size_t size_bytes;
    Release release;
    void operator()(std::byte* data) const { release(data, size_bytes); }
  };
  std::unique_ptr<std::byte, Deleter> data_{nullptr, Deleter{0, nullptr}};
};

}  // namespace reprise::engine
