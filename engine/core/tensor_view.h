/// Views of tensors in memory that somebody else owns: a pointer, and a shape [outer, ..., inner], row-major
/// and dense. TensorView<T> knows its element type; AnyTensorView carries it as a value (weights and KV
/// caches, whose precision is chosen at run time). Nothing here allocates or computes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "engine/core/check.h"
#include "engine/core/dtype.h"
#include "engine/core/inline.h"

namespace reprise::engine {

inline constexpr std::size_t kMaxRank = 4;

/// Extents of a tensor of rank 0 to kMaxRank; extents are counts of elements, never negative.
class Shape {
 public:
  constexpr Shape() = default;
  REPRISE_INLINE constexpr Shape(std::initializer_list<std::int64_t> extents) {
    REPRISE_CHECK(extents.size() <= kMaxRank);
    for (const std::int64_t extent : extents) {
      REPRISE_CHECK(extent >= 0);
      extents_[rank_++] = extent;
    }
  }

  [[nodiscard]] REPRISE_INLINE constexpr std::size_t rank() const { return rank_; }
  REPRISE_INLINE constexpr std::int64_t operator[](std::size_t axis) const { return extents_[axis]; }
  [[nodiscard]] REPRISE_INLINE constexpr std::int64_t count() const {
    std::int64_t n = 1;
    for (std::size_t i = 0; i < rank_; ++i) {
      n *= extents_[i];
    }
    return n;
  }
  REPRISE_INLINE constexpr bool operator==(const Shape& other) const {
    bool equal = rank_ == other.rank_;
    for (std::size_t i = 0; equal && i < rank_; ++i) {
      equal = extents_[i] == other.extents_[i];
    }
    return equal;
  }

 private:
  std::int64_t extents_[kMaxRank] = {};
  std::size_t rank_ = 0;
};

template <class T>
class TensorView {
 public:
  TensorView() = default;
  REPRISE_INLINE TensorView(T* data, Shape shape) : data_(data), shape_(shape) {}
  /// A view of mutable elements is also a view of constant ones.
  template <class U>
  requires(std::is_same_v<const U, T> && !std::is_same_v<U, T>) REPRISE_INLINE
      TensorView(const TensorView<U>& other)
      : data_(other.data()), shape_(other.shape()) {}

  [[nodiscard]] REPRISE_INLINE T* data() const { return data_; }
  [[nodiscard]] REPRISE_INLINE Shape shape() const { return shape_; }
  [[nodiscard]] REPRISE_INLINE std::int64_t extent(std::size_t axis) const { return shape_[axis]; }
  [[nodiscard]] REPRISE_INLINE std::int64_t count() const { return shape_.count(); }
  [[nodiscard]] REPRISE_INLINE bool empty() const { return data_ == nullptr; }

  /// First element of row i of the outermost axis.
  [[nodiscard]] REPRISE_INLINE T* row(std::int64_t i) const {
    std::int64_t stride = 1;
    for (std::size_t axis = 1; axis < shape_.rank(); ++axis) {
      stride *= shape_[axis];
    }
    return data_ + i * stride;
  }
  /// The same elements under another shape of equal count.
  [[nodiscard]] REPRISE_INLINE TensorView reshaped(Shape shape) const {
    REPRISE_CHECK(shape.count() == shape_.count());
    return {data_, shape};
  }

 private:
  T* data_ = nullptr;
  Shape shape_;
};

/// A view whose element type is a value. `Byte` is std::byte or const std::byte.
template <class Byte>
class BasicAnyTensorView {
 public:
  BasicAnyTensorView() = default;
  REPRISE_INLINE BasicAnyTensorView(DType dtype, Byte* data, Shape shape)
      : data_(data), shape_(shape), dtype_(dtype) {}
  template <class U>
  requires(std::is_same_v<const U, Byte> && !std::is_same_v<U, Byte>) REPRISE_INLINE
      BasicAnyTensorView(const BasicAnyTensorView<U>& other)
      : data_(other.data()), shape_(other.shape()), dtype_(other.dtype()) {}

  [[nodiscard]] REPRISE_INLINE DType dtype() const { return dtype_; }
  [[nodiscard]] REPRISE_INLINE Byte* data() const { return data_; }
  [[nodiscard]] REPRISE_INLINE Shape shape() const { return shape_; }
  [[nodiscard]] REPRISE_INLINE std::int64_t extent(std::size_t axis) const { return shape_[axis]; }
  [[nodiscard]] REPRISE_INLINE bool empty() const { return data_ == nullptr; }
  [[nodiscard]] std::size_t size_bytes() const {
    return bytes_of(dtype_, shape_.count());
  }

  /// The elements as type T, which must be the stored one.
  template <class T>
  [[nodiscard]] REPRISE_INLINE auto as() const {
    using Element = std::conditional_t<std::is_const_v<Byte>, const T, T>;
    REPRISE_CHECK(kDTypeOf<T> == dtype_);
    return TensorView<Element>(reinterpret_cast<Element*>(data_), shape_);
  }

 private:
  Byte* data_ = nullptr;
  Shape shape_;
  DType dtype_ = DType::f32;
};

using AnyTensorView = BasicAnyTensorView<const std::byte>;
using MutableAnyTensorView = BasicAnyTensorView<std::byte>;

}  // namespace reprise::engine
